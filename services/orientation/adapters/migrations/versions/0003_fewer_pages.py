"""The decision log is read in its order alone: an index by case cost a page for each entry."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_index("ledger_by_case", table_name="ledger")
