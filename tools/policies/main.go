// Which flows NetworkPolicies allow, decided by the evaluator of cyclonus.
//
// It reads one JSON object from standard input, {"policies": [...], "flows": [...]}, and writes one
// verdict for each flow: whether the source may send it and whether the destination may take it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	networkingv1 "k8s.io/api/networking/v1"
)

type question struct {
	Policies []*networkingv1.NetworkPolicy `json:"policies"`
	Flows    []*matcher.Traffic            `json:"flows"`
}

type verdict struct {
	Egress  bool `json:"egress"`
	Ingress bool `json:"ingress"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, "the question cannot be read:", err)
		os.Exit(2)
	}
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	verdicts := make([]verdict, 0, len(asked.Flows))
	for _, flow := range asked.Flows {
		found := policy.IsTrafficAllowed(flow)
		verdicts = append(verdicts, verdict{found.Egress.IsAllowed(), found.Ingress.IsAllowed()})
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fmt.Fprintln(os.Stderr, "the verdicts cannot be written:", err)
		os.Exit(1)
	}
}
