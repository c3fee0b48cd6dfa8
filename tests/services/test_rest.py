"""How services come to Braze's reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaptui.errors import UsageError
from tests.services.world import workspace_on


async def test_without_a_rest_key_the_sentence_says_how_to_give_one(sandbox: Any, tmp_path: Path) -> None:
    async with workspace_on(sandbox, tmp_path / "home") as workspace:
        with pytest.raises(UsageError, match="REST key") as told:
            async with workspace.braze_rest():
                pass
    assert "profile set test rest_api_key" in told.value.hint
