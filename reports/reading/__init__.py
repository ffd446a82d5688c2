"""Parts of a question that programs send, read strictly: a value, a range, conditions."""
