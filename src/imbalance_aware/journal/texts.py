"""Texts for a journal with their templates and tables: names only, read when the workflow is planned."""

#: Name of a checklist, as in ``resources/reporting_items.csv`` -> its title.
CHECKLISTS = {"claim_2024": "CLAIM 2024", "tripod_ai": "TRIPOD+AI"}
#: Template with a macro for each answer of the checklists.
ANSWERS = "answers.jinja"
#: Texts that are written beside the checklists -> their template.
TEXTS = {"methods.md": "methods.jinja", "class_imbalance.md": "class_imbalance.jinja"}
#: All files of a study.
OUTPUTS = (*(f"{name}.{suffix}" for name in CHECKLISTS for suffix in ("csv", "md")), *TEXTS)
#: Kind of a dataset -> its tables after all preprocessing: the cohort, and the counts of the flow.
DATASET_TABLES = {"images": ("cohort.csv", "flow.csv"), "volumes": ("preprocessed.csv", "preprocessed_flow.csv")}
#: Templates that they are made of.
STUDY_TEMPLATES = (ANSWERS, *TEXTS.values(), "imbalance.jinja", "sentences.jinja")
#: Template of the card in the folder of a run, and those that it is made of.
CARD = "model_card.jinja"
CARD_TEMPLATES = (CARD, "sentences.jinja")
