"""What a journal asks for: reporting checklists, paragraphs of methods, model cards. Facts come from files alone."""
