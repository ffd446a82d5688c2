"""Addresses of the way in, and of people's own accounts."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from people import password_reset, provider, views

urlpatterns = [
    path("login/", views.SignInView.as_view(), name="login"),
    path("login/code/", views.CodeView.as_view(), name="code"),
    path("login/provider/", provider.ToProviderView.as_view(), name="oidc_authentication_init"),
    path(
        "login/provider/back/",
        provider.FromProviderView.as_view(),
        name="oidc_authentication_callback",
    ),
    path("login/forgotten/", password_reset.AskView.as_view(), name="password_reset"),
    path("login/forgotten/sent/", password_reset.SentView.as_view(), name="password_reset_done"),
    path(
        "login/forgotten/<uidb64>/<token>/",
        password_reset.ChooseView.as_view(),
        name="password_reset_confirm",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("account/password/", views.ChangePasswordView.as_view(), name="change_password"),
    path("account/second-factor/", views.SecondFactorView.as_view(), name="second_factor"),
    path("account/keys/", views.MakeKeyView.as_view(), name="make_key"),
    path("account/keys/<int:pk>/replace/", views.ReplaceKeyView.as_view(), name="replace_key"),
    path("account/keys/<int:pk>/revoke/", views.RevokeKeyView.as_view(), name="revoke_key"),
]
