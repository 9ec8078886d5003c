import { attendInBoth } from "./attend.js";
import { learn } from "./learn-by-bare-import.js";
import { softmaxInSlim } from "./slim.js";

const routes = { "/api/attention": attendInBoth, "/api/learning": learn, "/api/slim": softmaxInSlim };

export default {
  fetch: async (request) => Response.json(await routes[new URL(request.url).pathname]()),
};
