"""What every repository is: queries over one db session."""

from __future__ import annotations

from sqlmodel import Session


class Repository:
    """Holds the db session of the unit of work it belongs to."""

    def __init__(self, session: Session) -> None:
        self.session = session
