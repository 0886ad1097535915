"""What the classes of each data set are called."""

from kdviz.arguments import told
from kdviz.data.intents import INTENTS
from kdviz.data.lookup import TASKS, values

DIGITS = tuple("0123456789")
PAIRS = tuple(left + right for left in DIGITS for right in DIGITS)
BANKING77 = tuple(intent.replace("_", " ") for intent in INTENTS)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"  # of the others EMNIST takes small and capital for one
CIFAR100 = (
    "apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple tree", "motorcycle", "mountain", "mouse", "mushroom", "oak tree", "orange", "orchid",
    "otter", "palm tree", "pear", "pickup truck", "pine tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow tree", "wolf",
    "woman", "worm",
)  # fmt: skip
CLASSES = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "fashion_mnist": (
        "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    "digits_pairs": PAIRS,
    "mnist_pairs": PAIRS,
    "banking77": BANKING77,
    "banking77_pieces": BANKING77,
    "banking77_short": BANKING77,
    "mnist1d": DIGITS,
    **{name: values(name) for name in TASKS},
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "emnist": (*DIGITS, *LETTERS),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "cifar100": CIFAR100,
    "svhn": DIGITS,
    "stl10": ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
}  # fmt: skip
OWN: dict[str, tuple[str, ...]] = {}  # of the data of one's own that this process has made


def classes_of(name: str) -> tuple[str, ...]:
    """The names of the C classes of the data set ``name``.

    Raises
    ------
    ValueError
        No data set has this name.
    LookupError
        It is data of one's own, which this process has not made.
    """
    if isinstance(name, str) and (name in OWN or name in CLASSES):
        return OWN[name] if name in OWN else CLASSES[name]
    if isinstance(name, str) and name.startswith("own:"):
        raise LookupError(
            f"{name} is data of one's own, which this process has not made: make it here first, with the call of "
            "kd.data_of or kd.image_folder that made it, from the same tensors or files"
        )
    raise ValueError(f"unknown data set {told(name)}: choose one of {', '.join(CLASSES)}")
