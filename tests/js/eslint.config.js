import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["api/dashboard/vendor/**", "tests/js/node_modules/**", "tests/js/vendor/**"] },
  js.configs.recommended,
  {
    files: ["api/dashboard/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-restricted-properties": [
        "error",
        // Text of others enters the page as text alone.
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property })),
      ],
      "no-var": "error",
      "prefer-const": "error",
      complexity: ["error", 12],
      "max-lines": ["error", 220],
    },
  },
  { files: ["api/dashboard/theme.js"], languageOptions: { sourceType: "script" }, rules: { "no-implicit-globals": "off" } },
  { files: ["tests/js/**/*.js"], languageOptions: { globals: globals.node } },
];
