// The parts of a Kubernetes control plane in one program, for tests: the first argument says which.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
)

// One member, no fsync: what it stores is thrown away with the test.
func runEtcd(ctx context.Context, arguments []string) error {
	if len(arguments) != 3 {
		return errors.New("etcd wants FOLDER CLIENT_URL PEER_URL")
	}
	client, err := url.Parse(arguments[1])
	if err != nil {
		return err
	}
	peer, err := url.Parse(arguments[2])
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = arguments[0]
	config.ListenClientUrls = []url.URL{*client}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = []url.URL{*peer}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.Err():
		return err
	}
}

// kwok plays the nodes: it marks Pods that are bound to them as running and ready.
func runNodes(ctx context.Context) error {
	flags := pflag.NewFlagSet("nodes", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ = kwoklog.InitFlags(ctx, flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		return err
	}
	command := kwok.NewCommand(ctx)
	command.Version = "" // the flag --version is the control plane's
	command.PersistentFlags().AddFlagSet(flags)
	return command.ExecuteContext(ctx)
}

func part(name string) (*cobra.Command, bool) {
	switch name {
	case "apiserver":
		return apiserver.NewAPIServerCommand(), true
	case "controllers":
		return controllers.NewControllerManagerCommand(), true
	case "scheduler":
		return scheduler.NewSchedulerCommand(), true
	}
	return nil, false
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "cluster apiserver|controllers|scheduler|etcd|nodes [arguments]")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	if command, known := part(name); known {
		os.Exit(cli.Run(command)) // handles the signals itself
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	switch name {
	case "etcd":
		err = runEtcd(ctx, os.Args[1:])
	case "nodes":
		err = runNodes(ctx)
	default:
		err = fmt.Errorf("no part is called %q", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
