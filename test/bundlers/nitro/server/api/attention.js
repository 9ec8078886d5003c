import { attendInBoth } from "../../attend.js";

export default () => attendInBoth();
