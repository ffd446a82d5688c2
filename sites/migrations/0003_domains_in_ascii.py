"""Write domains of other letters than ASCII's as hits name them from now on: in punycode."""

from django.db import migrations

from sites.domains import normalise_domain


def normalise_domains(apps, schema_editor):
    """Rename sites, but one whose punycode another site has already."""
    Site = apps.get_model("sites", "Site")
    domains = set(Site.objects.values_list("domain", flat=True))
    for domain in domains:
        normal = normalise_domain(domain)
        if normal not in domains:
            Site.objects.filter(domain=domain).update(domain=normal)


class Migration(migrations.Migration):

    dependencies = [
        ('sites', '0002_api_key'),
    ]

    operations = [
        migrations.RunPython(normalise_domains, migrations.RunPython.noop),
    ]
