// The book as files, and a plain web host that knows nothing of the course.

import { after } from "node:test";

import { buildSite, serveFiles } from "./course.mjs";
import { course } from "./here.mjs";

export const files = await serveFiles(buildSite(course));

after(() => files.close());
