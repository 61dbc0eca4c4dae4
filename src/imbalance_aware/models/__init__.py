"""Networks: images to features, features to logits."""
