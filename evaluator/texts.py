"""A written text against its references, by sacrebleu and rouge-score, one example at a time.

Only workers import this: the site and the auditor have neither library, and need none, since all
figures follow from the whole numbers that are counted here (evaluator/evaluators/generation.py).
"""

from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluator.evaluators.form import E9


class Measures:
    """What `form.Texts` promises. Nothing is fetched, and no state is kept between texts."""

    def __init__(self) -> None:
        self._bleu = BLEU()
        self._chrf = CHRF()
        self._rouge = RougeScorer(["rougeL"])

    def bleu_counts(self, text: str, references: Sequence[str]) -> list[int]:
        """As sacrebleu counts with its defaults (13a words, case as it is)."""
        found = self._bleu.corpus_score([text], [[one] for one in references])
        return [found.sys_len, found.ref_len, *found.counts, *found.totals]

    def chrf_counts(self, text: str, references: Sequence[str]) -> list[int]:
        """As sacrebleu counts with its defaults (6 characters, no words)."""
        streams = [[one] for one in references]
        [found] = self._chrf._extract_corpus_statistics([text], streams)  # noqa: SLF001 - no public one
        return [int(one) for one in found]

    def rouge_l_e9(self, text: str, references: Sequence[str]) -> int:
        """As rouge-score has it, without a stemmer."""
        best = self._rouge.score_multi(list(references), text)["rougeL"].fmeasure
        return round(float(best) * E9)
