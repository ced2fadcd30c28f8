// A device plugin that advertises GPUs where none are: scheduling, quotas and limits work as on a
// GPU node, and a container learns which devices it would have. Nothing computes on them.
//
//	gpus COUNT    registers nvidia.com/gpu with the kubelet of this node
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	resource = "nvidia.com/gpu"
	socket   = "nvidia-gpu.sock"
	patience = 60 * time.Second
	pause    = 100 * time.Millisecond
)

// plugin answers kubelet.
type plugin struct {
	api.UnimplementedDevicePluginServer
	devices []*api.Device
}

// GetDevicePluginOptions says that nothing is asked for before a container starts.
func (plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch names the devices once: they never change.
func (own plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: own.devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// Allocate tells each container its devices in the variable that NVIDIA's runtime reads.
func (plugin) Allocate(_ context.Context, asked *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range asked.ContainerRequests {
		given := map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")}
		answer.ContainerResponses = append(answer.ContainerResponses, &api.ContainerAllocateResponse{Envs: given})
	}
	return answer, nil
}

// waitForKubelet waits for kubelet's socket: before that, kubelet removes those of all plugins.
func waitForKubelet() error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if _, err := os.Stat(api.KubeletSocket); err == nil {
			return nil
		}
	}
	return fmt.Errorf("there is no %s after %s", api.KubeletSocket, patience)
}

// register tells kubelet of the plugin.
func register(ctx context.Context) error {
	until, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	connection, err := grpc.NewClient("unix://"+api.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: socket, ResourceName: resource}
	_, err = api.NewRegistrationClient(connection).Register(until, request)
	return err
}

// run serves until it is told to end.
func run(words []string) error {
	if len(words) != 1 {
		return fmt.Errorf("usage: gpus COUNT")
	}
	count, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	own := plugin{}
	for number := range count {
		device := &api.Device{ID: fmt.Sprintf("GPU-%d", number), Health: api.Healthy}
		own.devices = append(own.devices, device)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := waitForKubelet(); err != nil {
		return err
	}
	listener, err := net.Listen("unix", api.DevicePluginPath+socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, own)
	context.AfterFunc(ctx, server.Stop)
	go func() {
		if err := register(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "kubelet does not take the devices:", err)
			os.Exit(1)
		}
		fmt.Println("kubelet knows of", count, resource)
	}()
	return server.Serve(listener)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
