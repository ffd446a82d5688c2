// Builds the files that pages load from source/: `npm run build`, or `node build.js FOLDER`.
import { build } from "esbuild";

const folder = process.argv[2] ?? new URL("built", import.meta.url).pathname;

for (const [file, isWhole] of [["script.js", true], ["core.js", false]]) {
  await build({
    entryPoints: [new URL("source/main.js", import.meta.url).pathname],
    outfile: `${folder}/${file}`,
    bundle: true,
    define: { WHOLE: String(isWhole) },
    format: "iife",
    legalComments: "none",
    minify: true,
    // Browsers since 2020; what is older gets the picture in <noscript>, or nothing.
    target: "es2020",
  });
}
