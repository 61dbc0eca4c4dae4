"""What is written for a journal, and of which templates: names alone, read whenever the workflow is planned."""

#: Name of a checklist, as in ``resources/reporting_items.csv`` -> its title.
CHECKLISTS = {"claim_2024": "CLAIM 2024", "tripod_ai": "TRIPOD+AI"}
#: Template with a macro for each answer of the checklists.
ANSWERS = "answers.jinja"
#: Texts that are written beside the checklists -> their template.
TEXTS = {"methods.md": "methods.jinja", "class_imbalance.md": "class_imbalance.jinja"}
#: All files of a study.
OUTPUTS = (*(f"{name}.{suffix}" for name in CHECKLISTS for suffix in ("csv", "md")), *TEXTS)
#: Templates that they are made of.
STUDY_TEMPLATES = (ANSWERS, *TEXTS.values(), "imbalance.jinja", "sentences.jinja")
#: Template of the card in the folder of a run, and those that it is made of.
CARD = "model_card.jinja"
CARD_TEMPLATES = (CARD, "sentences.jinja")
