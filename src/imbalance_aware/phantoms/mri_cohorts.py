"""The cohorts of drawn heads; light enough for settings to name them."""

#: Share of each cohort in all phantoms.
COHORTS = {"phantom-a": 0.40, "phantom-b": 0.27, "phantom-c": 0.33}
#: The test set, unless the settings say otherwise.
TEST_COHORT = "phantom-c"
