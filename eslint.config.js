import { builtinModules } from "node:module";
import { defineConfig, globalIgnores } from "eslint/config";
import tsdoc from "eslint-plugin-tsdoc";
import tseslint from "typescript-eslint";
import { arrows } from "./scripts/arrows.js";

/** Syntax that is refused everywhere. A file set that adds to it has to name it again: the last list wins. */
const refusedSyntax = [
  {
    selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
    message: "No default exports: a thing has one name, wherever it is used.",
  },
  {
    selector:
      "CallExpression:matches([callee.name=/^(spawn|execFile|fork)/], [callee.property.name=/^(spawn|execFile|fork)/]) Property[key.name='shell']:not([value.value=false])",
    message: "No `shell`: pass the arguments as an array, so that no text of a user is ever parsed by a shell.",
  },
];

const refusedImports = {
  paths: [
    {
      name: "node:child_process",
      importNames: ["exec", "execSync"],
      message: "They run a shell. Use spawn or execFile with an array of arguments.",
    },
    ...builtinModules
      .filter((name) => !name.startsWith("node:") && !name.startsWith("_"))
      .map((name) => ({ name, message: `Write "node:${name}".` })),
  ],
};

export default defineConfig(
  globalIgnores(["dist/", "temp/", "coverage/", "docs/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },

  {
    name: "every TypeScript file",
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      // Lines aim at 120 columns; a few more are no reason to break a sentence.
      "max-len": ["error", { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true }],
      "no-control-regex": "error",
      "no-restricted-imports": ["error", refusedImports],
      "no-restricted-syntax": ["error", ...refusedSyntax],
      "object-shorthand": "error",
      "prefer-template": "error",

      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],

      // `() => doIt()` reads well; a function may be empty, or `async`, because its contract says so.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
    },
  },

  {
    name: "what ships",
    files: ["src/**/*.ts"],
    plugins: { tsdoc, house: { rules: { arrows } } },
    rules: {
      "tsdoc/syntax": "error",
      "house/arrows": "error",
      "max-lines": ["error", 350],
      "no-console": "error",
    },
  },
  {
    name: "the SDK runs everywhere, so Node's globals are out of reach",
    files: ["src/{models,wire,http,operations}/**/*.ts", "src/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["process", "Buffer", "global", "require", "module", "__dirname", "__filename", "setImmediate"].map(
          (name) => ({
            name,
            message: "The SDK also runs in browsers, workers and edge runtimes.",
          }),
        ),
      ],
    },
  },
  {
    name: "the launch plan and the wire are pure: no clock, no randomness",
    files: ["src/{wire,service/launch}/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...refusedSyntax,
        {
          selector:
            "NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: "No clock here: take the time as an argument.",
        },
        {
          selector:
            "CallExpression[callee.object.name='Math'][callee.property.name='random'], Identifier[name='randomUUID']",
          message: "No randomness here: take the value as an argument.",
        },
      ],
    },
  },
  { name: "the command line speaks", files: ["src/cli/**/*.ts"], rules: { "no-console": "off" } },

  {
    name: "tests, examples and tools take shortcuts with data from outside",
    files: ["{test,examples,bench,scripts}/**/*.ts", "*.ts"],
    rules: {
      "@typescript-eslint/no-deprecated": "off",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { arguments: false } }],
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "off",
    },
  },
  {
    name: "configuration files",
    files: ["*.config.ts", "*.config.js"],
    rules: { "no-restricted-syntax": "off" },
  },
  { name: "plain JavaScript", files: ["**/*.{js,mjs}"], rules: { eqeqeq: "error", "no-unused-vars": "error" } },
);
