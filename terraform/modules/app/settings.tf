locals {
  # What the texts in `var.settings` may be, by name: `least` and `most` of a whole number, the words that it is
  # `one_of`, a `pattern`, or the kind of its `json`; {} for any text. tests/terraform/test_settings.py compares
  # this with the functions' own parser.
  setting_forms = jsondecode(file("${path.module}/settings.json"))
}
