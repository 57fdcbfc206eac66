"""Problems whose best answer is known exactly, put to the engine that plans for hospitals."""
