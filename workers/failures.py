"""What ends scoring work without a verdict."""


class InfrastructureFailed(Exception):
    """Our side could not run the job; it will be tried again."""
