// node built/main.js loop | plan GOAL WORDS | act SIDE REFERRAL EVENT
import { act, loop } from "./loop.js";
import { Refused } from "./own.js";
import { plan } from "./plan.js";

const [what, ...words] = process.argv.slice(2);
try {
  if (what === "loop") await loop();
  else if (what === "plan") await plan(words[0]!, words[1]!);
  else if (what === "act") await act(words[0] as "hospital", words[1]!, words[2] as "accept");
  else throw new Error("one of: loop, plan GOAL WORDS, act SIDE REFERRAL EVENT");
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  const { status, type, detail, problems = [] } = error.problem;
  console.log(`refused: ${status} ${type}: ${detail}`);
  for (const one of problems) console.log(`refused: at ${one.path || "the body"}: ${one.code}: ${one.reason}`);
  process.exitCode = 1;
}
