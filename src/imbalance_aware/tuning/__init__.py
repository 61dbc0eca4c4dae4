"""Values of settings that are chosen on the validation part, from a declared grid."""
