// All tests in a browser, behind one start of everything.

import { connectionSuite } from "./connection";
import { everyoneSuite } from "./everyone";
import { useBench } from "./harness/bench";
import { scrollingSuite } from "./scrolling";
import { stockSuite } from "./stock";

useBench();
connectionSuite();
stockSuite();
everyoneSuite();
scrollingSuite();
