/** Version of this package. A test compares it with package.json. */
export const packageVersion = "1.0.0-beta.1";

/** Version of the REST API that the models describe. */
export const defaultApiVersion = "2018-05-01";
