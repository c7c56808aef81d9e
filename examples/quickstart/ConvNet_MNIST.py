# The network of ConvNet_MNIST.mjs in CNTK: a small convolutional network that learns to read the handwritten digits of
# MNIST. It needs Python 3.5 or later with CNTK 2.7, and runs on the GPU if CNTK finds one.
#
#   python ConvNet_MNIST.py DATA_DIRECTORY MODEL_DIRECTORY [--epochs 2] [--seed 1]
#
# DATA_DIRECTORY contains Train-28x28_cntk_text.txt and Test-28x28_cntk_text.txt, in CNTK text format. MODEL_DIRECTORY
# receives ConvNet_MNIST_{epoch}.dnn after each epoch, which cntk.load_model reads.

import argparse
import os
import sys

import cntk
from cntk.io import CTFDeserializer, MinibatchSource, StreamDef, StreamDefs
from cntk.layers import Convolution2D, Dense, MaxPooling, Sequential, default_options
from cntk.logging import ProgressPrinter

CLASSES = 10
SIDE = 28
MINIBATCH = 64


def read(path, randomize, seed=0):
    """Returns a reader that reads the file once, from its first image to its last."""
    streams = StreamDefs(
        images=StreamDef(field="features", shape=SIDE * SIDE), labels=StreamDef(field="labels", shape=CLASSES)
    )
    return MinibatchSource(
        CTFDeserializer(path, streams), randomize=randomize, randomization_seed=seed, max_sweeps=1
    )


def minibatches(reader, images, labels):
    """Yields what CNTK needs for each minibatch until the reader has read all images."""
    inputs = {images: reader.streams.images, labels: reader.streams.labels}
    while True:
        minibatch = reader.next_minibatch(MINIBATCH, input_map=inputs)
        if not minibatch:
            return
        yield minibatch


def network(images):
    """Two convolutions, each followed by the largest value of every 2 x 2 square, and a dense layer."""
    with default_options(activation=cntk.relu):
        layers = Sequential(
            [
                Convolution2D((5, 5), 8),
                MaxPooling((2, 2), strides=2),
                Convolution2D((5, 5), 16),
                MaxPooling((2, 2), strides=2),
                Dense(CLASSES, activation=None),
            ]
        )
    pixels = cntk.reshape(images, (1, SIDE, SIDE))
    return layers(pixels / 255.0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data_directory")
    parser.add_argument("model_directory")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Each line appears at once, even if the output is a file.
    sys.stdout = open(sys.stdout.fileno(), "w", buffering=1, closefd=False)
    os.makedirs(options.model_directory, exist_ok=True)

    cntk.cntk_py.set_fixed_random_seed(options.seed)
    print("CNTK %s on %s" % (cntk.__version__, cntk.device.use_default_device()))

    images = cntk.input_variable(SIDE * SIDE)
    labels = cntk.input_variable(CLASSES)
    model = network(images)
    loss = cntk.cross_entropy_with_softmax(model, labels)
    errors = cntk.classification_error(model, labels)
    rate = cntk.learning_parameter_schedule(0.1, minibatch_size=MINIBATCH)
    learner = cntk.momentum_sgd(model.parameters, rate, cntk.momentum_schedule(0.9))
    progress = ProgressPrinter(freq=100, tag="Training", num_epochs=options.epochs)
    trainer = cntk.Trainer(model, (loss, errors), [learner], [progress])

    training_data = os.path.join(options.data_directory, "Train-28x28_cntk_text.txt")
    for epoch in range(options.epochs):
        reader = read(training_data, randomize=True, seed=options.seed + epoch)
        for minibatch in minibatches(reader, images, labels):
            trainer.train_minibatch(minibatch)
        trainer.summarize_training_progress()
        model.save(os.path.join(options.model_directory, "ConvNet_MNIST_%d.dnn" % epoch))

    reader = read(os.path.join(options.data_directory, "Test-28x28_cntk_text.txt"), randomize=False)
    for minibatch in minibatches(reader, images, labels):
        trainer.test_minibatch(minibatch)
    trainer.summarize_test_progress()


if __name__ == "__main__":
    main()
