import { Activity, StrictMode, Suspense, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { AttentionWeights } from "./AttentionWeights.jsx";
import { inputs, parameters, scores } from "./example.js";
import { publish } from "./page.js";
import { Softmax } from "./Softmax.jsx";

function Page() {
  const [isShown, show] = useState(true);
  const [isActive, activate] = useState(true);
  const [input, setInput] = useState(inputs[0]);
  useEffect(() => publish(show, setInput, { activate }), []);
  return (
    isShown && (
      <Activity mode={isActive ? "visible" : "hidden"}>
        <AttentionWeights parameters={parameters} input={input} />
        <Suspense>
          <Softmax scores={scores} />
        </Suspense>
      </Activity>
    )
  );
}

createRoot(document.querySelector("main")).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
