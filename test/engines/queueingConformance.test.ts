import { engineConformance } from "./conformance.ts";
import { makeEngine } from "./queueingFactory.ts";

engineConformance("with a queue of its own", makeEngine, new URL("./queueingFactory.ts", import.meta.url));
