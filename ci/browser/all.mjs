// All tests in one process, one after the other. First those that look at the course as it is, then those that change the copy's code.

import "./space-time.test.mjs";
import "./safety.test.mjs";
import "./access.test.mjs";
import "./figures.test.mjs";
import "./quiz.test.mjs";
import "./runs.test.mjs";
import "./folds.test.mjs";
import "./tasks.test.mjs";
import "./explore.test.mjs";
