"""The forms of django-allauth that the site serves, strict too (settings.ACCOUNT_FORMS)."""

from allauth.account import forms

from web.forms import StrictForm
from web.strict import NEXT


class SignInForm(StrictForm, forms.LoginForm):
    """Name and password."""

    sent_along = (NEXT,)


class SignUpForm(StrictForm, forms.SignupForm):
    """A name for a new account, and its password."""

    sent_along = (NEXT,)


class ChangePasswordForm(StrictForm, forms.ChangePasswordForm):
    """The password as it is, and another one twice."""


class SetPasswordForm(StrictForm, forms.SetPasswordForm):
    """A password for an account that has a key alone, twice."""
