"""How transformers and peft load an adapter of a task: the model class, and what its names are.

Standard library only: the site makes the folder that a buyer downloads, and has no torch.
"""

from dataclasses import dataclass

from evaluator.bases.families import BY_NAME
from evaluator.bases.shapes import CLS, CLS_POOLER, LAST, MEAN, GenericShape, is_decoder
from evaluator.task.manifest import Manifest

CAUSAL, CLASSES, STATES = (
    "AutoModelForCausalLM",
    "AutoModelForSequenceClassification",
    "AutoModel",
)
FEATURES = "feature-extraction"
TASK_TYPES = {CAUSAL: "CAUSAL_LM", CLASSES: "SEQ_CLS", STATES: "FEATURE_EXTRACTION"}
POOLINGS = {
    "": "None: the model writes, or predicts, every token.",
    MEAN: "The mean of the last layer's states over all tokens of the text.",
    CLS: "The last layer's state of the first token.",
    CLS_POOLER: "The last layer's state of the first token, through the pooler.",
    LAST: "The last layer's state of the last token.",
}


@dataclass(frozen=True)
class Loading:
    """What a program needs to know to load the folder and to ask as the evaluator asked.

    model      the class of transformers that the base is loaded by
    pooling    how the states of a text become one: a name of POOLINGS
    prefix     what the task's names have in front that the model class has not
    has_head_apart  the head is in a file of its own, because the model class has no room for it
    is_own   the model class's own head answers, from its own pooling
    """

    model: str
    pooling: str
    prefix: str = ""
    has_head_apart: bool = False
    is_own: bool = False

    @property
    def task_type(self) -> str:
        """peft's word for it."""
        return TASK_TYPES[self.model]


def loading_of(manifest: Manifest) -> Loading:
    """How an adapter of this task is loaded."""
    shape, has_head = manifest.base.config, bool(manifest.adapter.head)
    if is_decoder(shape):
        return Loading(CLASSES, LAST, is_own=True) if has_head else Loading(CAUSAL, "")
    options = manifest.metric.options
    pooling = options["pooling"]
    if has_head and options["head"] == "own":
        return Loading(CLASSES, pooling, is_own=True)
    if shape.kind == "bert" and has_head:
        return Loading(CLASSES, pooling)
    prefix = shape.prefix if isinstance(shape, GenericShape) else BY_NAME[shape.kind].prefix
    return Loading(STATES, pooling, prefix, has_head_apart=has_head)


def pipeline(manifest: Manifest) -> str:
    """The hub's word for what the model does."""
    if manifest.labels:
        return "text-classification"
    if loading_of(manifest).model == CAUSAL:
        return "text-generation"
    return "sentence-similarity" if manifest.metric.evaluator == "retrieval" else FEATURES
