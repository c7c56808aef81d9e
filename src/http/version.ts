/** Version of this package; a test keeps it equal to the one in package.json. */
export const packageVersion = "1.0.0-beta.1";

/** Version of the REST API that the models describe. */
export const defaultApiVersion = "2018-05-01";
