"""How the pocket model was made: the storybook world, the training of its parts, evaluation and export."""
