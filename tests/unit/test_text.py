"""Text: corpora, tokenizers, blocks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from language_setup import SENTENCES, write_corpus

from recurate.data import RealData
from recurate.data.brown import FILES, untagged
from recurate.data.parts.corpora import Document, of_folder, of_raw, raw_corpus
from recurate.data.parts.tokenization import Codec, Tokenizer
from recurate.data.text import Text
from recurate.foundation.errors import RecurateError
from recurate.models.parts.units import Encoding
from recurate.stages.prepare_real import Reads
from recurate.workflow.job_params import own_files
from recurate.workflow.studies import Wildcards


def text(corpus: Any, **changes: Any) -> Text:
    settings = {"kind": "text", "corpus": corpus, "tokenizer": {"kind": "bpe", "vocabulary": 270}, "block": 16}
    return Text.model_validate({**settings, **changes})


def whole(documents: Iterable[Document]) -> list[str]:
    """Documents, each in one piece."""
    return ["".join(document) for document in documents]


def loaded(data: Text, seed: int = 0) -> RealData:
    return data.load(np.random.default_rng(seed))


def test_tags_go_and_words_with_a_stroke_stay() -> None:
    assert untagged("\n\n\tThe/at jury/nn ate/vbd 1/2/cd pie/nn ./.\n\n\t``/`` No/rb ./.\n") == (
        "The jury ate 1/2 pie .\n`` No ."
    )


def test_the_brown_corpus_has_500_texts() -> None:
    assert len(FILES) == len(set(FILES)) == 500 and FILES[0] == "ca01" and FILES[-1] == "cr09"


def test_documents_survive_as_bytes() -> None:
    corpus = of_raw(raw_corpus(["one", "zwölf"], ["drei"]))
    assert (whole(corpus.train), whole(corpus.test)) == (["one", "zwölf"], ["drei"])


def test_blocks_spell_the_documents_they_were_cut_from(tmp_path: Path) -> None:
    real = loaded(text(str(write_corpus(tmp_path / "corpus"))))
    codec = Codec(real.notes["tokenizer"])
    assert real.train_x.dtype == np.int32 and real.train_x.shape[1] == real.test_x.shape[1] == 16
    corpus = of_folder(str(tmp_path / "corpus"), np.random.default_rng(0))
    for number, document in enumerate(whole(corpus.train)):
        spelt = codec.decode(real.train_x[real.train_y == number].reshape(1, -1))[0]
        assert document.startswith(spelt) and len(document) - len(spelt) < 16 * 20


def test_held_out_text_is_of_documents_that_nobody_trains_on(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus", documents=20)
    (folder / "19.txt").write_text("Unheard-of words " * 40)
    for seed in range(20):
        corpus = of_folder(str(folder), np.random.default_rng(seed))
        train, test = whole(corpus.train), whole(corpus.test)
        assert len(train) == 18 and len(test) == 2
        assert sum("Unheard" in document for document in train + test) == 1


def test_files_that_name_their_part_are_taken_at_their_word(tmp_path: Path) -> None:
    for part in ("train", "valid", "test"):
        (tmp_path / f"wiki.{part}.raw").write_text(f"{part} " * 100)
    corpus = of_folder(str(tmp_path), np.random.default_rng(0))
    assert (whole(corpus.train), whole(corpus.test)) == (["train " * 100], ["test " * 100])


def test_a_data_set_of_the_datasets_library_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    for part, sentence in zip(("train", "test"), SENTENCES, strict=False):
        (folder / f"{part}.jsonl").write_text("\n".join(json.dumps({"story": sentence * 20}) for _ in range(3)))
    real = loaded(text({"dataset": str(folder), "column": "story"}))
    codec = Codec(real.notes["tokenizer"])
    assert "cat" in codec.decode(real.train_x)[0] and "dog" in codec.decode(real.test_x)[0]
    with pytest.raises(RecurateError, match="cannot be read"):
        loaded(text({"dataset": str(folder), "column": "no such column"}))


def test_a_vocabulary_of_256_is_one_token_a_byte(tmp_path: Path) -> None:
    codec = Codec(Tokenizer(kind="bpe", vocabulary=256).fit([SENTENCES]))
    tokens = np.concatenate(list(codec.encode(["Ein ", "Öl."])))
    assert len(tokens) == len("Ein Öl.".encode()) and codec.decode(tokens[None]) == ["Ein Öl."]


def test_the_same_documents_give_the_same_tokenizer_and_blocks(tmp_path: Path) -> None:
    data = text(str(write_corpus(tmp_path / "corpus")), train=20)
    first, second = loaded(data), loaded(data)
    assert first.notes == second.notes and first.checksums() == second.checksums()
    assert len(first.train_x) == 20


def test_tokens_stay_whole_numbers_on_their_way_through_a_network() -> None:
    import torch

    real = np.array([[5, 0], [299, 7]], dtype=np.int32)
    encoding = Encoding.from_json(Encoding.of(real).to_json())
    encoded = encoding.encode(torch.from_numpy(real))
    assert encoded.dtype == torch.int64 and encoded.tolist() == real.tolist()
    assert encoding.decode(encoded).dtype == np.int32 and np.array_equal(encoding.decode(encoded), real)


def test_bad_corpora_are_refused_in_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.txt").write_text("\n\n")
    (empty / "b.txt").write_text("")
    with pytest.raises(RecurateError, match="0 texts with anything in them"):
        loaded(text(str(empty)))
    with pytest.raises(RecurateError, match="no such folder"):
        loaded(text(str(tmp_path / "nowhere")))
    few = write_corpus(tmp_path / "few", documents=2, sentences=1)
    with pytest.raises(RecurateError, match="no document has 500 tokens"):
        loaded(text(str(few), block=500, tokenizer={"kind": "bpe", "vocabulary": 256}))
    with pytest.raises(RecurateError, match=r"it has \d+ tokens, not 50000; set vocabulary"):
        loaded(text(str(few), tokenizer={"kind": "bpe", "vocabulary": 50_000}))
    (few / "latin.txt").write_bytes("Öl".encode("latin-1"))
    with pytest.raises(RecurateError, match=r"latin\.txt: cannot be read as text"):
        loaded(text(str(few)))


def test_an_unknown_tokenizer_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(RecurateError, match="the folder gives no tokenizer"):
        Tokenizer(kind="pretrained", vocabulary=300, source=str(tmp_path)).fit([])
    with pytest.raises(ValueError, match="Input should be 'bpe' or 'pretrained'"):
        Tokenizer.model_validate({"kind": "words", "vocabulary": 300})
    with pytest.raises(ValueError, match="a pretrained tokenizer needs it"):
        Tokenizer(kind="pretrained", vocabulary=300)


def test_a_pretrained_tokenizer_cuts_as_the_library_does(tmp_path: Path) -> None:
    from recurate.foundation.torchvision_compat import import_torchvision

    import_torchvision()
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer as Fast

    learnt = Tokenizer(kind="bpe", vocabulary=270).fit([SENTENCES * 5])
    library = transformers.PreTrainedTokenizerFast(tokenizer_object=Fast.from_str(learnt))
    library.save_pretrained(tmp_path)
    codec = Codec(Tokenizer(kind="pretrained", vocabulary=270, source=str(tmp_path)).fit([]))
    assert np.concatenate(list(codec.encode([SENTENCES[1]]))).tolist() == library(SENTENCES[1])["input_ids"]


def test_every_text_of_a_folder_is_a_file_of_the_data_and_so_an_input_of_what_reads_them(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus", documents=3)
    (folder / "notes.pdf").write_bytes(b"no text")
    data = text(str(folder))
    assert [Path(path).name for path in data.files] == sorted(path.name for path in folder.glob("*.txt"))
    (folder / "new.txt").write_text("More.")
    assert str(folder / "new.txt") in data.files
    assert text("brown").files == text(str(tmp_path / "absent")).files == ()
    of = own_files(lambda _: Reads(data=data))
    assert of(Wildcards(study="s")) == sorted(data.files)


def test_a_pretrained_tokenizer_in_a_folder_has_files(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "README.md").write_text("read by nobody")
    settings = {"kind": "pretrained", "vocabulary": 300}
    assert Tokenizer.model_validate({**settings, "source": str(tmp_path)}).files == (str(tmp_path / "tokenizer.json"),)
    assert Tokenizer.model_validate({**settings, "source": "gpt2"}).files == ()
