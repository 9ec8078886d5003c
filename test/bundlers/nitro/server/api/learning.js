import { learn } from "../../learn-by-bare-import.js";

export default () => learn();
