import { engineConformance } from "./conformance.ts";
import { makeEngine } from "./processFactory.ts";

engineConformance("process", makeEngine, new URL("./processFactory.ts", import.meta.url));
