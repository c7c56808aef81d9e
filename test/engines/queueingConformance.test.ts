import { engineConformance } from "./conformance.ts";

engineConformance("with a queue of its own", new URL("./queueingFactory.ts", import.meta.url));
