// The custom metrics API over what Pods themselves tell: for an autoscaler that looks at a metric
// of Pods, each Pod is asked for its Prometheus page at the moment that the autoscaler looks.
//
// It stands where a Prometheus with an adapter stands in production. It keeps nothing.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"k8s.io/metrics/pkg/apis/custom_metrics"
	basecmd "sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/defaults"
)

const patience = 3 * time.Second

// ports are the names under which a Pod may serve its page, the likeliest first.
var ports = []string{"metrics", "health", "http"}

// pods answers for metrics of Pods.
type pods struct {
	defaults.DefaultCustomMetricsProvider
	client kubernetes.Interface
}

// GetMetricByName asks one Pod.
func (own pods) GetMetricByName(ctx context.Context, name types.NamespacedName, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValue, error) {
	pod, err := own.client.CoreV1().Pods(name.Namespace).Get(ctx, name.Name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	value, err := ask(ctx, pod, info.Metric)
	if err != nil {
		klog.ErrorS(err, "no value", "pod", name, "metric", info.Metric)
		return nil, provider.NewMetricNotFoundForError(info.GroupResource, info.Metric, name.Name)
	}
	return describe(pod, info.Metric, value), nil
}

// GetMetricBySelector asks every Pod that runs; those that do not answer are left out.
func (own pods) GetMetricBySelector(ctx context.Context, namespace string, selector labels.Selector, info provider.CustomMetricInfo, _ labels.Selector) (*custom_metrics.MetricValueList, error) {
	found, err := own.client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{LabelSelector: selector.String()})
	if err != nil {
		return nil, err
	}
	answer := &custom_metrics.MetricValueList{}
	for _, pod := range found.Items {
		if pod.Status.Phase != core.PodRunning || pod.DeletionTimestamp != nil {
			continue
		}
		value, err := ask(ctx, &pod, info.Metric)
		if err != nil {
			klog.ErrorS(err, "no value", "pod", klog.KObj(&pod), "metric", info.Metric)
			continue
		}
		answer.Items = append(answer.Items, *describe(&pod, info.Metric, value))
	}
	return answer, nil
}

// describe says of which Pod a value is, and of when.
func describe(pod *core.Pod, metric string, value float64) *custom_metrics.MetricValue {
	return &custom_metrics.MetricValue{
		DescribedObject: custom_metrics.ObjectReference{
			APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name,
		},
		Metric:    custom_metrics.MetricIdentifier{Name: metric},
		Timestamp: meta.Now(),
		Value:     *resource.NewMilliQuantity(int64(value*1000), resource.DecimalSI),
	}
}

// ask reads a Pod's page and returns the metric: of a utilization the mean, else the sum.
func ask(ctx context.Context, pod *core.Pod, metric string) (float64, error) {
	port, err := portOf(pod)
	if err != nil {
		return 0, err
	}
	until, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url := "http://" + net.JoinHostPort(pod.Status.PodIP, port) + "/metrics"
	request, err := http.NewRequestWithContext(until, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return 0, err
	}
	return total(families[metric], strings.HasSuffix(metric, "_utilization"))
}

// portOf finds where a Pod serves its page.
func portOf(pod *core.Pod) (string, error) {
	for _, name := range ports {
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				if port.Name == name {
					return strconv.Itoa(int(port.ContainerPort)), nil
				}
			}
		}
	}
	return "", fmt.Errorf("the Pod has no port called %s", strings.Join(ports, " or "))
}

// total adds up the series of a family, or takes their mean.
func total(family *dto.MetricFamily, mean bool) (float64, error) {
	if family == nil || len(family.Metric) == 0 {
		return 0, fmt.Errorf("the page has no such metric")
	}
	sum := 0.0
	for _, series := range family.Metric {
		sum += series.GetGauge().GetValue() + series.GetCounter().GetValue() + series.GetUntyped().GetValue()
	}
	if mean {
		sum /= float64(len(family.Metric))
	}
	return sum, nil
}

func main() {
	adapter := &basecmd.AdapterBase{Name: "custom-metrics"}
	if err := adapter.Flags().Parse(os.Args); err != nil {
		klog.Fatal(err)
	}
	config, err := adapter.ClientConfig()
	if err != nil {
		klog.Fatal(err)
	}
	adapter.WithCustomMetrics(pods{client: kubernetes.NewForConfigOrDie(config)})
	if err := adapter.Run(context.Background()); err != nil {
		klog.Fatal(err)
	}
}
