"""Classification of new images with a trained model."""
