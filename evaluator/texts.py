"""A written text against its references, by sacrebleu and rouge-score, one example at a time.

Only workers import this: the site and the auditor have neither library, and need none, since all
figures follow from the whole numbers that are counted here (evaluator/evaluators/generation.py).
"""

from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluator.evaluators.form import E9
from evaluator.evaluators.words import WAYS, rouge_words


class _Words:
    """Words of any script, as rouge-score asks for them."""

    def __init__(self, way: str) -> None:
        self._way = way

    def tokenize(self, text: str) -> list[str]:
        return rouge_words(text, self._way)


class Measures:
    """What `form.Texts` promises. Nothing is fetched, and no state is kept between texts."""

    def __init__(self) -> None:
        self._bleu = {way: BLEU(tokenize=way) for way in WAYS["bleu"]}
        self._chrf = CHRF()
        library, *others = WAYS["rouge_l"]
        self._rouge = {way: RougeScorer(["rougeL"], tokenizer=_Words(way)) for way in others}
        self._rouge[library] = RougeScorer(["rougeL"])

    def bleu_counts(self, text: str, references: Sequence[str], way: str) -> list[int]:
        """As sacrebleu counts with this tokenizer (case as it is)."""
        found = self._bleu[way].corpus_score([text], [[one] for one in references])
        return [found.sys_len, found.ref_len, *found.counts, *found.totals]

    def chrf_counts(self, text: str, references: Sequence[str]) -> list[int]:
        """As sacrebleu counts with its defaults (6 characters, no words)."""
        streams = [[one] for one in references]
        [found] = self._chrf._extract_corpus_statistics([text], streams)  # noqa: SLF001 - no public one
        return [int(one) for one in found]

    def rouge_l_e9(self, text: str, references: Sequence[str], way: str) -> int:
        """As rouge-score has it, without a stemmer, of words found this way."""
        best = self._rouge[way].score_multi(list(references), text)["rougeL"].fmeasure
        return round(float(best) * E9)
