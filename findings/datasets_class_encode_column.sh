#!/usr/bin/env bash
# datasets 5.2.0 (Hugging Face): class_encode_column gives class 2 of 12 the number 4, and each split numbers of its own.
#
# "Casts the given column as ClassLabel and updates the table" is what its docstring says. One calls it because
# `train_test_split(stratify_by_column=...)` takes no other column. Labels that are the numbers 0 to 11 should stay, and one
# call for a `DatasetDict` should give it one list of classes. But the classes are the labels as text in alphabetical order,
# where 10 and 11 come before 2: of 12 classes 10 get another number, of 1,000 nearly all, and neither pretrained heads nor
# lists of names fit any longer. And each split gets a list of its own. If a class does not occur in one split, the classes
# after it have other numbers there than in the others, also classes with names: one number means two things in training and
# in test. No message says so; the `features` of the splits show it if compared.
#
# A likely repair, `test.cast_column("label", train.features["label"])`, gives a column that is a ClassLabel already
# other names for its numbers: a dog is a cat then. The same cast of the original column is right, of numbers and of names;
# afterwards `align_labels_with_mapping` is.
#
# Below 12 classes in training and 11 of them in test (all but class 1), then three named classes and two of them in test.
# The accuracy is that of a model that makes no mistake, and gives each class its number in training.
#
# Seen on Linux, Python 3.11:
#   cast_column, train: 0 1 2 3 4 5 6 7 8 9 10 11
#   cast_column, test: 0 2 3 4 5 6 7 8 9 10 11
#   cast_column, accuracy in test: 11 of 11
#   class_encode_column, train: 0 1 4 5 6 7 8 9 10 11 2 3
#   class_encode_column, test: 0 3 4 5 6 7 8 9 10 1 2
#   class_encode_column, accuracy in test: 1 of 11
#   names, cast_column, train: 0 1 2
#   names, cast_column, test: 1 2
#   names, cast_column, accuracy in test: 2 of 2
#   names, class_encode_column, train: 0 1 2
#   names, class_encode_column, test: 0 1
#   names, class_encode_column, accuracy in test: 0 of 2
#   names, cast_column after it, test: cat dog
#   names, align_labels_with_mapping after it, test: dog owl
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  datasets==5.2.0 numpy==2.4.6 pandas==2.3.3 pyarrow==25.0.1

cat > "$work/encode.py" <<'PYTHON'
from datasets import ClassLabel, Dataset, DatasetDict


def splits(train, test):
    return DatasetDict(train=Dataset.from_dict({"label": train}), test=Dataset.from_dict({"label": test}))


def tell(words, given, encoded):
    """The numbers of both splits, and the accuracy in test of a model that names each class as train does."""
    for name, split in encoded.items():
        print(f"{words}, {name}: {' '.join(map(str, split['label']))}")
    learned = dict(zip(given["train"]["label"], encoded["train"]["label"]))
    right = [learned[label] == number for label, number in zip(given["test"]["label"], encoded["test"]["label"])]
    print(f"{words}, accuracy in test: {sum(right)} of {len(right)}")


numbers = splits(list(range(12)), [label for label in range(12) if label != 1])
tell("cast_column", numbers, numbers.cast_column("label", ClassLabel(num_classes=12)))
tell("class_encode_column", numbers, numbers.class_encode_column("label"))

names = splits(["cat", "dog", "owl"], ["dog", "owl"])
label = ClassLabel(names=["cat", "dog", "owl"])
tell("names, cast_column", names, names.cast_column("label", label))
encoded = names.class_encode_column("label")
tell("names, class_encode_column", names, encoded)
repaired = encoded["test"].cast_column("label", label)
print("names, cast_column after it, test:", " ".join(label.int2str(repaired["label"][:])))
aligned = encoded["test"].align_labels_with_mapping({name: label.str2int(name) for name in label.names}, "label")
print("names, align_labels_with_mapping after it, test:", " ".join(label.int2str(aligned["label"][:])))
PYTHON

seen="$(HF_HOME="$work/hf" HF_HUB_OFFLINE=1 "$work/venv/bin/python" "$work/encode.py" 2> "$work/errors.txt")" \
  || { cat "$work/errors.txt" >&2; exit 1; }
echo "$seen"
expected='cast_column, train: 0 1 2 3 4 5 6 7 8 9 10 11
cast_column, test: 0 2 3 4 5 6 7 8 9 10 11
cast_column, accuracy in test: 11 of 11
class_encode_column, train: 0 1 4 5 6 7 8 9 10 11 2 3
class_encode_column, test: 0 3 4 5 6 7 8 9 10 1 2
class_encode_column, accuracy in test: 1 of 11
names, cast_column, train: 0 1 2
names, cast_column, test: 1 2
names, cast_column, accuracy in test: 2 of 2
names, class_encode_column, train: 0 1 2
names, class_encode_column, test: 0 1
names, class_encode_column, accuracy in test: 0 of 2
names, cast_column after it, test: cat dog
names, align_labels_with_mapping after it, test: dog owl'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
