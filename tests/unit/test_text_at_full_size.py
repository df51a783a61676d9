"""Text that comes in stretches: the same tokens as of the whole, rows of a table, what is dropped, first tokens."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from language_setup import SENTENCES, write_corpus
from long_cases import others_long
from mixed_text import distinct_words, mixed_text, random_spellings, write_text
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Fast

import measure
import prepare_real
from bench import alone
from recurate.curation.parts.scoring import texts
from recurate.data import RealData
from recurate.data.parts import tokenization
from recurate.data.parts.corpora import TextFile
from recurate.data.parts.tokenization import Codec, Tokenizer
from recurate.data.text import Text
from recurate.files.arrays import read_arrays, read_metadata, write_arrays
from recurate.foundation.errors import RecurateError
from recurate.stages.measure import Reads as Measured
from recurate.stages.prepare_real import Reads

WHITE = [" ", " ", " ", "\n", "\n", "  ", "\t", "\r", "\xa0", "\x85", "\x1c", "\u2028", "\u3000"]
INK = ["a", "b", "The", "cat", "'s", ".", "!", "12", "Öl", "e\u0301", "中", "😀", "</s>", "<x>", "_", "▁"]
GPT_4 = (
    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # Llama 3 has it as well
)


def random_text(pieces: int, seed: int) -> str:
    """Words of all scripts, and white space in all its kinds, single and in runs."""
    generator = np.random.default_rng(seed)
    return "".join(generator.choice(WHITE + INK + INK, pieces)) + "\nThe end\n"


def byte_pairs(split: Any, text: str, vocabulary: int = 400, **others: Any) -> Fast:
    """Byte-pair encoding that learnt runs of white space too, where its splitting lets it."""
    fast = Fast(models.BPE())
    fast.pre_tokenizer = split
    for name, value in others.items():
        setattr(fast, name, value)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=["</s>"],
        show_progress=False,
    )
    fast.train_from_iterator([text], trainer)
    return fast


def other_tokenizers() -> dict[str, Fast]:
    """Tokenizers of many makes, all learnt from the same wild text."""
    text = random_text(20_000, seed=1) + "\n\n \n  ".join(SENTENCES * 200)
    of_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made = {
        "GPT-2": byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False), text),
        "RoBERTa": byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=True), text),
        "GPT-4": byte_pairs(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT_4), "isolated"), of_bytes]), text),
        "bytes in one piece": byte_pairs(of_bytes, text, vocabulary=350),
        "normalised": byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False), text, normalizer=normalizers.NFKC()),
    }
    spaces = byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False), text)
    spaces.add_tokens(["  ", "\n\n", AddedToken("<x>", lstrip=True, rstrip=True)])
    special = byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False), text)
    special.add_special_tokens([AddedToken("<x>", lstrip=True)])
    words = Fast(models.WordPiece(unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    words.train_from_iterator([text], trainers.WordPieceTrainer(special_tokens=["[UNK]"], show_progress=False))
    words.enable_padding(length=7)
    words.enable_truncation(5)
    return {**made, "tokens of spaces": spaces, "a mask": special, "BERT": words}


TOKENIZERS = other_tokenizers()


def tokens(codec: Codec, document: Iterable[str]) -> list[int]:
    return np.concatenate(list(codec.encode(document))).tolist()


def pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def of_whole(codec: Codec, text: str) -> list[int]:
    """Tokens of the uncut text, by the library alone."""
    return codec._fast.encode(text, add_special_tokens=False).ids


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of two hundred characters, so that a short text has many cuts, and hardly a word is remembered."""
    monkeypatch.setattr(tokenization, "STRETCH", 200)
    monkeypatch.setattr(tokenization, "WINDOW", 25)
    monkeypatch.setattr(tokenization, "REMEMBERED", 500)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", others_long(TOKENIZERS, lambda name: name in ("GPT-2", "BERT")))
def test_a_cut_text_has_the_tokens_of_the_whole(name: str) -> None:
    """Random texts full of white space of all kinds; the first tokenizer by words, most others by tried line ends."""
    codec = Codec(TOKENIZERS[name].to_str())
    assert codec._by_words == (name in ("GPT-2", "a mask"))
    for seed in range(40):
        text = random_text(4_000, seed)
        assert tokens(codec, pieces(text, 37)) == of_whole(codec, text)
        assert len(list(codec.encode(pieces(text, 37)))) > 2


@pytest.mark.usefixtures("short")
def test_lines_of_wikipedia_are_cut_for_every_tokenizer() -> None:
    """WikiText's lines begin and end with a blank; paragraphs follow on blank lines; code is indented."""
    text = " = Title = \n \n The cat sat . \n A dog , 12 \n \n \n = = Next = = \n" * 40
    text += "One .\nTwo\n\nThree\n\n\n    four\n\tfive\n" * 40
    for name, fast in TOKENIZERS.items():
        codec = Codec(fast.to_str())
        assert tokens(codec, [text]) == of_whole(codec, text), name
        assert len(list(codec.encode(pieces(text, 50)))) > 10, name


@pytest.mark.long
def test_white_space_is_the_same_to_us_and_to_the_library_where_words_end() -> None:
    """Of all characters, none that Python takes for ink is white space to the library's regular expressions."""
    everything = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    ink = "".join(character for character in everything if not character.isspace())
    assert "".join(piece for piece, _ in pre_tokenizers.Split(Regex(r"\s"), "removed").pre_tokenize_str(ink)) == ink
    assert all(pre_tokenizers.Split(Regex(r"\s"), "removed").pre_tokenize_str(white) == [] for white in " \n")


@pytest.mark.usefixtures("short")
def test_a_tokenizer_that_marks_beginnings_is_given_the_whole_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    fast = Fast(models.BPE(unk_token="<unk>"))
    fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    text = "\n".join(SENTENCES * 100)
    fast.train_from_iterator([text], trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False))
    codec = Codec(fast.to_str())
    assert tokens(codec, pieces(text, 100)) == of_whole(codec, text)
    assert len(list(codec.encode(pieces(text, 100)))) == 1
    assert capsys.readouterr().out.count("warning: no line end was found in 3,200 characters at which a cut") == 2


def test_a_cut_that_changes_tokens_is_seen() -> None:
    codec = Codec(TOKENIZERS["GPT-4"].to_str())
    text = "The cat .\nThe cat"
    assert codec._leaves_tokens_alone(text, 10) == (
        of_whole(codec, text[:10]) + of_whole(codec, text[10:]) == of_whole(codec, text)
    )
    blanks = Codec(TOKENIZERS["tokens of spaces"].to_str())
    assert not blanks._leaves_tokens_alone("The  cat", 4) and blanks._leaves_tokens_alone("The  cat", 3)


@pytest.mark.usefixtures("short")
def test_a_tokenizer_learnt_from_stretches_is_that_of_the_whole() -> None:
    text = random_text(5_000, seed=3)
    learnt = Tokenizer(kind="bpe", vocabulary=400).fit([pieces(text, 37)])
    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    fast.train_from_iterator([text], trainer)
    assert json.loads(learnt)["model"] == json.loads(fast.to_str())["model"]


@pytest.mark.parametrize("size", others_long([250_000, 1_000_000], lambda size: size < 1_000_000))
def test_a_text_is_never_in_memory_as_a_whole(tmp_path: Path, size: int) -> None:
    """Four times the text takes hardly more memory, tokens apart."""

    def peak(size: int) -> int:
        path = tmp_path / f"{size}.txt"
        path.write_text("".join(mixed_text(SENTENCES, ["ab", "cde"], size, np.random.default_rng(0))))
        codec = Codec(TOKENIZERS["GPT-2"].to_str())
        tracemalloc.start()
        for _ in codec.encode(TextFile(path)):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10_000)
    assert peak(4 * size) < 1.2 * peak(size)


def test_the_text_of_the_benchmark_has_as_many_words_as_it_says(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    assert len(set(random_spellings(1_000, generator))) == 1_000
    write_text(tmp_path, SENTENCES, 200_000, 500)
    assert 200_000 <= (tmp_path / "wiki.train.raw").stat().st_size < 201_000
    ordinary = len(set(" ".join(SENTENCES).split()))
    assert distinct_words(tmp_path / "wiki.train.raw") == 500 + ordinary
    assert alone.prepared(str(tmp_path), {"kind": "bpe", "vocabulary": 300}) > 0
    assert min(alone.encoded(str(tmp_path), {"kind": "bpe", "vocabulary": 300}, 50_000)) > 0


# Rows of a data set


def text(corpus: Any, **changes: Any) -> Text:
    settings = {"kind": "text", "corpus": corpus, "tokenizer": {"kind": "bpe", "vocabulary": 270}, "block": 16}
    return Text.model_validate({**settings, **changes})


def loaded(data: Text) -> RealData:
    return data.load(np.random.default_rng(0))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The datasets library, with a cache of its own."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


LINES = {
    part: [f"{line}\n" for line in np.random.default_rng(k).choice(SENTENCES, 300)]
    for k, part in enumerate(("train", "test"))
}


def same_blocks(first: RealData, second: RealData) -> bool:
    return first.checksums() == second.checksums() and first.notes == second.notes


@pytest.mark.parametrize(("ends", "join"), [("\n", ""), ("", "\n")])
def test_rows_of_a_saved_data_set_joined_are_the_text_in_a_folder(
    tmp_path: Path, library: Any, ends: str, join: str
) -> None:
    folder, saved = tmp_path / "folder", tmp_path / "saved"
    folder.mkdir()
    rows = {part: [line.rstrip("\n") + ends for line in lines] for part, lines in LINES.items()}
    for part, lines in rows.items():
        (folder / f"wiki.{part}.raw").write_text(join.join(lines))
    tables = {part: library.Dataset.from_dict({"text": lines}) for part, lines in rows.items()}
    library.DatasetDict(tables).save_to_disk(str(saved))
    data = text({"dataset": str(saved), "join": join})
    assert {Path(path).name for path in data.files} >= {"dataset_dict.json", "data-00000-of-00001.arrow"}
    found = loaded(data)
    assert same_blocks(found, loaded(text(str(folder))))
    assert len(found.train_x) > 100 and set(found.train_y) == {0}


def test_rows_that_are_documents_are_the_files_of_a_folder(tmp_path: Path, library: Any) -> None:
    """Drawn in the same way, empty ones left out; where the library has one table only, a part of it is held out."""
    documents = [f"{sentence} {number} " * 20 for number, sentence in enumerate(SENTENCES * 5)]
    folder, saved = tmp_path / "folder", tmp_path / "saved"
    folder.mkdir()
    for number, document in enumerate(documents):
        (folder / f"{number:02d}.txt").write_text(document)
    library.Dataset.from_dict({"text": [None, *documents[:3], " \n", *documents[3:], ""]}).save_to_disk(str(saved))
    assert same_blocks(loaded(text({"dataset": str(saved)})), loaded(text(str(folder))))


def test_of_joined_rows_without_a_held_out_part_the_last_tenth_is_held_out(tmp_path: Path, library: Any) -> None:
    folder, saved = tmp_path / "folder", tmp_path / "saved"
    folder.mkdir()
    (folder / "a.train.txt").write_text("".join(LINES["train"][:270]))
    (folder / "a.test.txt").write_text("".join(LINES["train"][270:]))
    library.Dataset.from_dict({"text": LINES["train"]}).save_to_disk(str(saved))
    assert same_blocks(loaded(text({"dataset": str(saved), "join": ""})), loaded(text(str(folder))))


def test_a_column_that_is_no_text_is_refused_in_a_sentence(tmp_path: Path, library: Any) -> None:
    library.Dataset.from_dict({"text": [1, 2, 3]}).save_to_disk(str(tmp_path))
    with pytest.raises(RecurateError, match=r"data set .* cannot be read"):
        loaded(text({"dataset": str(tmp_path)}))


# What is dropped


def prepared(data: Text, folder: Path) -> dict[str, Any]:
    """The card that the script writes."""
    real, card = folder / "real.safetensors", folder / "real.json"
    prepare_real.main(str(real), str(card), Reads(data=data), "", {}, None)
    return json.loads(card.read_text())


def test_rows_that_lose_their_ends_are_told_with_numbers(
    tmp_path: Path, library: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of some forty bytes in blocks of sixteen; what is dropped counted by hand."""
    rows = {part: [line[:-1] for line in lines] for part, lines in LINES.items()}
    tables = {part: library.Dataset.from_dict({"text": lines}) for part, lines in rows.items()}
    library.DatasetDict(tables).save_to_disk(str(tmp_path / "saved"))
    of_bytes = {"kind": "bpe", "vocabulary": 256}
    card = prepared(text({"dataset": str(tmp_path / "saved")}, tokenizer=of_bytes), tmp_path)
    for part, lines in rows.items():
        total, dropped = sum(map(len, lines)), sum(len(line) % 16 for line in lines)
        assert card[f"{part}_tokens"] == total and card[f"{part}_tokens_dropped"] == dropped
        told = f"{dropped / total:.1%} of the {total:,} tokens of the part {part} are dropped"
        assert told in card[f"{part}_warning"] and "300 documents" in card[f"{part}_warning"]
        assert f"warning: {told}" in capsys.readouterr().out or part == "test"
    joined = prepared(text({"dataset": str(tmp_path / "saved"), "join": "\n"}, tokenizer=of_bytes), tmp_path)
    assert joined["train_tokens_dropped"] < 16 and "train_warning" not in joined
    assert "warning" not in capsys.readouterr().out


# First tokens


def opt_like(folder: Path, first: bool) -> Path:
    """A tokenizer as facebook/opt-125m has it: vocabulary and merges of GPT-2's make, `</s>` before every text."""
    model = json.loads(Tokenizer(kind="bpe", vocabulary=270).fit([SENTENCES * 5]))["model"]
    known = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    vocabulary = {**known, **{token: place + len(known) for token, place in model["vocab"].items()}}
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    merges = "\n".join(pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    configuration = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": first, "add_prefix_space": False}
    configuration |= {"unk_token": "</s>", "bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    return folder


def with_tokenizer(tmp_path: Path, first: bool, **changes: Any) -> tuple[Text, Text]:
    """Data cut by a tokenizer like OPT's that is made here, or by that with `changes`."""
    pytest.importorskip("transformers")
    folder = write_corpus(tmp_path / "corpus")
    settings = {"kind": "pretrained", "vocabulary": 274, "source": str(opt_like(tmp_path / "opt", first))}
    return text(str(folder), tokenizer=settings), text(str(folder), tokenizer={**settings, **changes})


def test_blocks_begin_with_the_token_that_the_tokenizer_puts_first(tmp_path: Path) -> None:
    """Every block as the transformers library makes it of the block's own text."""
    from recurate.foundation.torchvision_compat import import_torchvision

    import_torchvision()
    import transformers

    follows, without = with_tokenizer(tmp_path, first=True, first_token="none")
    found, bare = loaded(follows), loaded(without)
    assert found.notes["first_token"] == "2" and "first_token" not in bare.notes
    assert (found.train_x[:, 0] == 2).all() and found.train_x.shape[1] == bare.train_x.shape[1] == 16
    for number in set(found.train_y):
        own, other = (real.train_x[real.train_y == number] for real in (found, bare))
        shorter = min(own[:, 1:].size, other.size)
        np.testing.assert_array_equal(own[:, 1:].ravel()[:shorter], other.ravel()[:shorter])
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path / "opt"))
    beginnings = [np.flatnonzero(found.train_y == number)[0] for number in set(found.train_y)]
    for row in beginnings:
        spelt = theirs.decode(found.train_x[row, 1:])
        assert theirs(spelt)["input_ids"][:12] == found.train_x[row, :12].tolist()


def test_a_tokenizer_without_a_first_token_can_be_given_one(tmp_path: Path) -> None:
    bare, named = with_tokenizer(tmp_path, first=False, first_token="<s>")
    assert "first_token" not in loaded(bare).notes
    assert (loaded(named).train_x[:, 0] == 0).all()
    with pytest.raises(RecurateError, match="it has no token '<bos>'; name one of its own, auto or none"):
        Codec(loaded(bare).notes["tokenizer"]).first_token("<bos>")


def test_several_first_tokens_are_refused_in_a_sentence() -> None:
    fast = byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False), "".join(SENTENCES), vocabulary=260)
    fast.post_processor = processors.TemplateProcessing(single="</s> </s> $A", special_tokens=[("</s>", 0)])
    with pytest.raises(RecurateError, match="it puts 2 tokens before a text"):
        Codec(fast.to_str()).first_token("auto")


def test_the_card_counts_text_and_not_first_tokens(tmp_path: Path) -> None:
    data, _ = with_tokenizer(tmp_path, first=True)
    card = prepared(data, tmp_path)
    blocks = len(read_arrays(tmp_path / "real.safetensors")["train_x"])
    assert card["train_tokens"] - card["train_tokens_dropped"] == 15 * blocks


def test_what_is_read_and_measured_of_samples_leaves_first_tokens_out(tmp_path: Path) -> None:
    """Rewards read no `</s>`; n-grams, counted by hand, are of what was generated."""
    data, _ = with_tokenizer(tmp_path, first=True)
    prepared(data, tmp_path)
    real = str(tmp_path / "real.safetensors")
    x = read_arrays(real)["train_x"][None, :40]
    assert not any("</s>" in spelt for spelt in texts(x, real)[0])
    assert texts(x, real)[0, 0] == Codec(read_metadata(real)["tokenizer"]).decode(x[0, :1, 1:])[0]
    write_arrays(tmp_path / "samples.safetensors", {"x": x}, {})
    curated = {"reward": np.zeros((1, 40), np.float32), "index": np.zeros((1, 1), np.int64)}
    write_arrays(tmp_path / "curated.safetensors", curated, {})
    settings = {
        "metrics": [{"kind": "distinct_ngrams"}],
        "reference": {"split": "test"},
        "classes": 0,
        "supremum": 0.0,
        "components": (),
        "vocabulary": 274,
        "given": 0,
        "model": None,
    }
    measure.main(
        real,
        *(str(tmp_path / name) for name in ("samples.safetensors", "curated.safetensors", "metrics.csv")),
        spec=Measured.model_validate(settings),
        study="s",
        arm="a",
        seeds=[0],
        generation=0,
        threads=1,
        features=None,
        reference=None,
        nearness=None,
        model=None,
        device="cpu",
    )
    values = {
        line.split(",")[4]: float(line.split(",")[5]) for line in (tmp_path / "metrics.csv").read_text().split()[1:]
    }
    own = x[0, :, 1:]
    pairs = {tuple(block[start : start + 2]) for block in own for start in range(14)}
    assert values["distinct_2"] == len(pairs) / (40 * 14)
    assert values["vocabulary_share"] == len(set(own.ravel())) / 274
