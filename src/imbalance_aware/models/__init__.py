"""Networks: images to features, features to logits.

``NETWORKS`` maps the names that ``model.network`` may have to ``"module:attribute"``. The attribute is called as
``network(dimensions, in_channels, classes, **arguments)`` and returns an `imbalance_aware.models.network.Network`.
Nothing is imported until it is asked for. A name ``package:NAME`` is a network of another Python package, which the
environment ``envs/package.yaml`` holds.

Another network is one file here and one row in the table. A package with more networks than a table should list is one
file and one row in ``FAMILIES``: every ``package:NAME`` is ``"module:NAME"``, and the module says which names exist.
"""

#: Networks for classification of MONAI's, by their names there.
MONAI = (
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "DenseNet264",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "ResNet10",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "ResNet200",
    "SENet154",
    "SEResNet50",
    "SEResNet101",
    "SEResNet152",
    "SEResNext50",
    "SEResNext101",
)

#: The network of a configuration that names none; its arguments are keys of ``model`` themselves.
DEFAULT = "resnet"

NETWORKS = {
    DEFAULT: "imbalance_aware.models.residual_network:ResidualNetwork",
    **{f"monai:{name}": f"imbalance_aware.models.monai_networks:{name}" for name in MONAI},
}

#: Package -> the module that makes its networks, and the spatial dimensions that these take.
FAMILIES = {"timm": ("imbalance_aware.models.timm_networks", (2,))}
#: Packages of ``FAMILIES`` that say by which constants images are normalised for their weights: their modules have
#: ``normalisation(name)``.
NORMALISING = ("timm",)
