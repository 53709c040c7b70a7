// All tests in a browser, behind one start of everything.

import { connectionSuite } from "./connection";
import { useBench } from "./harness/bench";

useBench();
connectionSuite();
