import { engineConformance } from "./conformance.ts";

engineConformance("process", new URL("./processFactory.ts", import.meta.url));
