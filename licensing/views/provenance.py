"""Who made an output: a page where one pastes a text or drops a file. Nothing of it is kept."""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from licensing import queries
from licensing.forms import OutputForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def look_up(request: HttpRequest) -> HttpResponse:
    """The records of an output, found by the hash of what was given."""
    is_asked = request.method == "POST"
    form = OutputForm(request.POST, request.FILES) if is_asked else OutputForm()
    context: dict[str, object] = {"form": form, "is_asked": is_asked and form.is_valid()}
    if context["is_asked"]:
        hashes = _hashes(form)
        found = queries.outputs(hashes)
        context |= {"sha256": hashes[0], "outputs": found.found, "has_more": bool(found.next)}
    status = 422 if is_asked and not form.is_valid() else 200
    return render(request, "licensing/provenance.html", context, status=status)


def _hashes(form: OutputForm) -> list[str]:
    """Of what was given. A browser sends a text's line ends as two characters: both are tried."""
    given = form.cleaned_data
    if "sha256" in given:
        return [given["sha256"]]
    if "file" in given:
        sha = sha256()
        for piece in given["file"].chunks():
            sha.update(piece)
        return [sha.hexdigest()]
    text = given["text"].replace("\r\n", "\n")
    return [sha256(one.encode()).hexdigest() for one in (text, text.replace("\n", "\r\n"))]
