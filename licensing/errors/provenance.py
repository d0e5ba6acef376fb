"""What stands against records of outputs: provenance.*"""

from assay.errors import AssayError


class ProvenanceRefused(AssayError):
    """Records of outputs. Facts: as each error names them."""

    status = 422


class RecordingRefused(ProvenanceRefused):
    """The account does not use the work by right. Facts: work, licence."""

    code, status = "provenance.licence_needed", 403
    next_step = "Name a licence of yours for this work that has not ended."


class RecordsDiffer(ProvenanceRefused):
    """The file of the records is not what the order says of it. Facts: records, reason."""

    code = "provenance.records_differ"
    next_step = "Make file and order anew with `assay.provenance`."


class HashInvalid(ProvenanceRefused):
    """Nothing to look up is given, or more than one thing. Facts: none."""

    code = "provenance.hash_invalid"
    next_step = "Give a SHA-256 of 64 small hex digits as `hash`, or the whole text as `text`."


class BatchUnknown(ProvenanceRefused):
    """No batch of records has this id. Facts: batch."""

    code, status = "provenance.batch_unknown", 404
    next_step = "Check the id: it is that of the order."
