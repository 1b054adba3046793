/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker_type.h"

#include "base/json.h"
#include "base/str.h"

static const struct template_shape number_pointer = { .kind = TEMPLATE_NUMBER,
						      .pointer = true,
						      .type = "int64" };
static const struct template_shape bool_pointer = { .kind = TEMPLATE_BOOL,
						    .pointer = true,
						    .type = "bool" };
static const struct template_field health_result_fields[] = {
	{ "Start", &template_string, NULL },
	{ "End", &template_string, NULL },
	{ "ExitCode", &template_number, NULL },
	{ "Output", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape health_result = { .kind = TEMPLATE_STRUCT,
						     .pointer = true,
						     .type = "container.HealthcheckResult",
						     .fields = health_result_fields };

static const struct template_shape health_results = { .kind = TEMPLATE_LIST,
						      .type = "[]*container.HealthcheckResult",
						      .element = &health_result };
static const struct template_field health_fields[] = {
	{ "Status", &template_string, NULL },
	{ "FailingStreak", &template_number, NULL },
	{ "Log", &health_results, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape health = { .kind = TEMPLATE_STRUCT,
					      .pointer = true,
					      .type = "container.Health",
					      .fields = health_fields };

static const struct template_field state_fields[] = {
	{ "Status", &template_string, NULL },
	{ "Running", &template_bool, NULL },
	{ "Paused", &template_bool, NULL },
	{ "Restarting", &template_bool, NULL },
	{ "OOMKilled", &template_bool, NULL },
	{ "Dead", &template_bool, NULL },
	{ "Pid", &template_number, NULL },
	{ "ExitCode", &template_number, NULL },
	{ "Error", &template_string, NULL },
	{ "StartedAt", &template_string, NULL },
	{ "FinishedAt", &template_string, NULL },
	{ "Health", &health, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape state = { .kind = TEMPLATE_STRUCT,
					     .pointer = true,
					     .type = "container.State",
					     .fields = state_fields };

static const struct template_field log_config_fields[] = {
	{ "Type", &template_string, NULL },
	{ "Config", &template_string_map, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape log_config = { .kind = TEMPLATE_STRUCT,
						  .type = "container.LogConfig",
						  .fields = log_config_fields };

static const struct template_field restart_policy_fields[] = {
	{ "Name", &template_string, NULL },
	{ "MaximumRetryCount", &template_number, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape restart_policy = { .kind = TEMPLATE_STRUCT,
						      .type = "container.RestartPolicy",
						      .fields = restart_policy_fields };

static const struct template_field port_binding_fields[] = {
	{ "HostIP", &template_string, "HostIp" },
	{ "HostPort", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape port_binding = { .kind = TEMPLATE_STRUCT,
						    .type = "nat.PortBinding",
						    .fields = port_binding_fields };

static const struct template_shape port_bindings = { .kind = TEMPLATE_LIST,
						     .type = "[]nat.PortBinding",
						     .element = &port_binding };
static const struct template_shape port_map = { .kind = TEMPLATE_MAP,
						.type = "nat.PortMap",
						.typed_keys = true,
						.element = &port_bindings };
static const struct template_field device_fields[] = {
	{ "PathOnHost", &template_string, NULL },
	{ "PathInContainer", &template_string, NULL },
	{ "CgroupPermissions", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape device = { .kind = TEMPLATE_STRUCT,
					      .type = "container.DeviceMapping",
					      .fields = device_fields };

static const struct template_shape devices = { .kind = TEMPLATE_LIST,
					       .type = "[]container.DeviceMapping",
					       .element = &device };
/* units.Ulimit.String() */
static void ulimit_print(struct buf *out, const json_t *value)
{
	buf_printf(out, "%s=%lld:%lld", json_string_at(value, "Name", ""),
		   (long long)json_int_at(value, "Soft", 0),
		   (long long)json_int_at(value, "Hard", 0));
}

static const struct template_field ulimit_fields[] = {
	{ "Name", &template_string, NULL },
	{ "Hard", &template_number, NULL },
	{ "Soft", &template_number, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape ulimit = { .kind = TEMPLATE_STRUCT,
					      .print = ulimit_print,
					      .pointer = true,
					      .type = "units.Ulimit",
					      .fields = ulimit_fields };

static const struct template_shape ulimits = { .kind = TEMPLATE_LIST,
					       .type = "[]*container.Ulimit",
					       .element = &ulimit };
static const struct template_field weight_fields[] = {
	{ "Path", &template_string, NULL },
	{ "Weight", &template_number, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape weight = { .kind = TEMPLATE_STRUCT,
					      .pointer = true,
					      .type = "blkiodev.WeightDevice",
					      .fields = weight_fields };

static const struct template_shape weights = { .kind = TEMPLATE_LIST,
					       .type = "[]*blkiodev.WeightDevice",
					       .element = &weight };
static const struct template_field throttle_fields[] = {
	{ "Path", &template_string, NULL },
	{ "Rate", &template_number, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape throttle = { .kind = TEMPLATE_STRUCT,
						.pointer = true,
						.type = "blkiodev.ThrottleDevice",
						.fields = throttle_fields };

static const struct template_shape throttles = { .kind = TEMPLATE_LIST,
						 .type = "[]*blkiodev.ThrottleDevice",
						 .element = &throttle };
static const struct template_shape two_numbers = { .kind = TEMPLATE_LIST,
						   .type = "[2]uint",
						   .element = &template_number };
static const struct template_shape opens = { .kind = TEMPLATE_LIST,
					     .type = "[]struct",
					     .element = &template_open };
static const struct template_field host_config_fields[] = {
	{ "Binds", &template_strings, NULL },
	{ "ContainerIDFile", &template_string, NULL },
	{ "LogConfig", &log_config, NULL },
	{ "NetworkMode", &template_string, NULL },
	{ "PortBindings", &port_map, NULL },
	{ "RestartPolicy", &restart_policy, NULL },
	{ "AutoRemove", &template_bool, NULL },
	{ "VolumeDriver", &template_string, NULL },
	{ "VolumesFrom", &template_strings, NULL },
	{ "ConsoleSize", &two_numbers, NULL },
	{ "Annotations", &template_string_map, NULL },
	{ "CapAdd", &template_strings, NULL },
	{ "CapDrop", &template_strings, NULL },
	{ "CgroupnsMode", &template_string, NULL },
	{ "DNS", &template_strings, "Dns" },
	{ "DNSOptions", &template_strings, "DnsOptions" },
	{ "DNSSearch", &template_strings, "DnsSearch" },
	{ "ExtraHosts", &template_strings, NULL },
	{ "GroupAdd", &template_strings, NULL },
	{ "IpcMode", &template_string, NULL },
	{ "Cgroup", &template_string, NULL },
	{ "Links", &template_strings, NULL },
	{ "OomScoreAdj", &template_number, NULL },
	{ "PidMode", &template_string, NULL },
	{ "Privileged", &template_bool, NULL },
	{ "PublishAllPorts", &template_bool, NULL },
	{ "ReadonlyRootfs", &template_bool, NULL },
	{ "SecurityOpt", &template_strings, NULL },
	{ "StorageOpt", &template_string_map, NULL },
	{ "Tmpfs", &template_string_map, NULL },
	{ "UTSMode", &template_string, NULL },
	{ "UsernsMode", &template_string, NULL },
	{ "ShmSize", &template_number, NULL },
	{ "Sysctls", &template_string_map, NULL },
	{ "Runtime", &template_string, NULL },
	{ "Isolation", &template_string, NULL },
	{ "CPUShares", &template_number, "CpuShares" },
	{ "Memory", &template_number, NULL },
	{ "NanoCPUs", &template_number, "NanoCpus" },
	{ "CgroupParent", &template_string, NULL },
	{ "BlkioWeight", &template_number, NULL },
	{ "BlkioWeightDevice", &weights, NULL },
	{ "BlkioDeviceReadBps", &throttles, NULL },
	{ "BlkioDeviceWriteBps", &throttles, NULL },
	{ "BlkioDeviceReadIOps", &throttles, NULL },
	{ "BlkioDeviceWriteIOps", &throttles, NULL },
	{ "CPUPeriod", &template_number, "CpuPeriod" },
	{ "CPUQuota", &template_number, "CpuQuota" },
	{ "CPURealtimePeriod", &template_number, "CpuRealtimePeriod" },
	{ "CPURealtimeRuntime", &template_number, "CpuRealtimeRuntime" },
	{ "CpusetCpus", &template_string, NULL },
	{ "CpusetMems", &template_string, NULL },
	{ "Devices", &devices, NULL },
	{ "DeviceCgroupRules", &template_strings, NULL },
	{ "DeviceRequests", &opens, NULL },
	{ "KernelMemory", &template_number, NULL },
	{ "KernelMemoryTCP", &template_number, NULL },
	{ "MemoryReservation", &template_number, NULL },
	{ "MemorySwap", &template_number, NULL },
	{ "MemorySwappiness", &number_pointer, NULL },
	{ "OomKillDisable", &bool_pointer, NULL },
	{ "PidsLimit", &number_pointer, NULL },
	{ "Ulimits", &ulimits, NULL },
	{ "CPUCount", &template_number, "CpuCount" },
	{ "CPUPercent", &template_number, "CpuPercent" },
	{ "IOMaximumIOps", &template_number, NULL },
	{ "IOMaximumBandwidth", &template_number, NULL },
	{ "Mounts", &opens, NULL },
	{ "MaskedPaths", &template_strings, NULL },
	{ "ReadonlyPaths", &template_strings, NULL },
	{ "Init", &bool_pointer, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape host_config = { .kind = TEMPLATE_STRUCT,
						   .pointer = true,
						   .type = "container.HostConfig",
						   .fields = host_config_fields };

static const struct template_field healthcheck_fields[] = {
	{ "Test", &template_strings, NULL },
	{ "Interval", &template_duration, NULL },
	{ "Timeout", &template_duration, NULL },
	{ "StartPeriod", &template_duration, NULL },
	{ "StartInterval", &template_duration, NULL },
	{ "Retries", &template_number, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape healthcheck = { .kind = TEMPLATE_STRUCT,
						   .pointer = true,
						   .type = "container.HealthConfig",
						   .fields = healthcheck_fields };

static const struct template_field no_fields[] = { { NULL, NULL, NULL } };
static const struct template_shape nothing = { .kind = TEMPLATE_STRUCT,
					       .type = "struct {}",
					       .fields = no_fields };
static const struct template_shape port_set = { .kind = TEMPLATE_MAP,
						.typed_keys = true,
						.type = "nat.PortSet",
						.element = &nothing };

static const struct template_field config_fields[] = {
	{ "Hostname", &template_string, NULL },	     { "Domainname", &template_string, NULL },
	{ "User", &template_string, NULL },	     { "AttachStdin", &template_bool, NULL },
	{ "AttachStdout", &template_bool, NULL },    { "AttachStderr", &template_bool, NULL },
	{ "ExposedPorts", &port_set, NULL },	     { "Tty", &template_bool, NULL },
	{ "OpenStdin", &template_bool, NULL },	     { "StdinOnce", &template_bool, NULL },
	{ "Env", &template_strings, NULL },	     { "Cmd", &template_strings, NULL },
	{ "Healthcheck", &healthcheck, NULL },	     { "ArgsEscaped", &template_bool, NULL },
	{ "Image", &template_string, NULL },	     { "Volumes", &template_set, NULL },
	{ "WorkingDir", &template_string, NULL },    { "Entrypoint", &template_strings, NULL },
	{ "NetworkDisabled", &template_bool, NULL }, { "MacAddress", &template_string, NULL },
	{ "OnBuild", &template_strings, NULL },	     { "Labels", &template_string_map, NULL },
	{ "StopSignal", &template_string, NULL },    { "StopTimeout", &number_pointer, NULL },
	{ "Shell", &template_strings, NULL },	     { NULL, NULL, NULL },
};
static const struct template_shape config = { .kind = TEMPLATE_STRUCT,
					      .pointer = true,
					      .type = "container.Config",
					      .fields = config_fields };

static const struct template_field mount_fields[] = {
	{ "Type", &template_string, NULL },
	{ "Name", &template_string, NULL },
	{ "Source", &template_string, NULL },
	{ "Destination", &template_string, NULL },
	{ "Driver", &template_string, NULL },
	{ "Mode", &template_string, NULL },
	{ "RW", &template_bool, NULL },
	{ "Propagation", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape mount = { .kind = TEMPLATE_STRUCT,
					     .type = "container.MountPoint",
					     .fields = mount_fields };

static const struct template_shape mounts = { .kind = TEMPLATE_LIST,
					      .type = "[]container.MountPoint",
					      .element = &mount };
static const struct template_field ipam_fields[] = {
	{ "IPv4Address", &template_string, NULL },
	{ "IPv6Address", &template_string, NULL },
	{ "LinkLocalIPs", &template_strings, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape ipam = { .kind = TEMPLATE_STRUCT,
					    .pointer = true,
					    .type = "network.EndpointIPAMConfig",
					    .fields = ipam_fields };

static const struct template_field endpoint_fields[] = {
	{ "IPAMConfig", &ipam, NULL },
	{ "Links", &template_strings, NULL },
	{ "Aliases", &template_strings, NULL },
	{ "MacAddress", &template_string, NULL },
	{ "DriverOpts", &template_string_map, NULL },
	{ "GwPriority", &template_number, NULL },
	{ "NetworkID", &template_string, NULL },
	{ "EndpointID", &template_string, NULL },
	{ "Gateway", &template_string, NULL },
	{ "IPAddress", &template_string, NULL },
	{ "IPPrefixLen", &template_number, NULL },
	{ "IPv6Gateway", &template_string, NULL },
	{ "GlobalIPv6Address", &template_string, NULL },
	{ "GlobalIPv6PrefixLen", &template_number, NULL },
	{ "DNSNames", &template_strings, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape endpoint = { .kind = TEMPLATE_STRUCT,
						.pointer = true,
						.type = "network.EndpointSettings",
						.fields = endpoint_fields };

static const struct template_shape endpoints = { .kind = TEMPLATE_MAP,
						 .type = "map[string]*network.EndpointSettings",
						 .element = &endpoint };
static const struct template_field network_settings_fields[] = {
	{ "Bridge", &template_string, NULL },
	{ "SandboxID", &template_string, NULL },
	{ "SandboxKey", &template_string, NULL },
	{ "Ports", &port_map, NULL },
	{ "HairpinMode", &template_bool, NULL },
	{ "LinkLocalIPv6Address", &template_string, NULL },
	{ "LinkLocalIPv6PrefixLen", &template_number, NULL },
	{ "SecondaryIPAddresses", &opens, NULL },
	{ "SecondaryIPv6Addresses", &opens, NULL },
	{ "EndpointID", &template_string, NULL },
	{ "Gateway", &template_string, NULL },
	{ "GlobalIPv6Address", &template_string, NULL },
	{ "GlobalIPv6PrefixLen", &template_number, NULL },
	{ "IPAddress", &template_string, NULL },
	{ "IPPrefixLen", &template_number, NULL },
	{ "IPv6Gateway", &template_string, NULL },
	{ "MacAddress", &template_string, NULL },
	{ "Networks", &endpoints, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape network_settings = { .kind = TEMPLATE_STRUCT,
							.pointer = true,
							.type = "container.NetworkSettings",
							.fields = network_settings_fields };

static const struct template_field graph_driver_fields[] = {
	{ "Data", &template_string_map, NULL },
	{ "Name", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape graph_driver = { .kind = TEMPLATE_STRUCT,
						    .type = "storage.DriverData",
						    .fields = graph_driver_fields };

static const struct template_field container_fields[] = {
	{ "ID", &template_string, "Id" },
	{ "Created", &template_string, NULL },
	{ "Path", &template_string, NULL },
	{ "Args", &template_strings, NULL },
	{ "State", &state, NULL },
	{ "Image", &template_string, NULL },
	{ "ResolvConfPath", &template_string, NULL },
	{ "HostnamePath", &template_string, NULL },
	{ "HostsPath", &template_string, NULL },
	{ "LogPath", &template_string, NULL },
	{ "Name", &template_string, NULL },
	{ "RestartCount", &template_number, NULL },
	{ "Driver", &template_string, NULL },
	{ "Platform", &template_string, NULL },
	{ "MountLabel", &template_string, NULL },
	{ "ProcessLabel", &template_string, NULL },
	{ "AppArmorProfile", &template_string, NULL },
	{ "ExecIDs", &template_strings, NULL },
	{ "HostConfig", &host_config, NULL },
	{ "GraphDriver", &graph_driver, NULL },
	{ "SizeRw", &number_pointer, NULL },
	{ "SizeRootFs", &number_pointer, NULL },
	{ "Mounts", &mounts, NULL },
	{ "Config", &config, NULL },
	{ "NetworkSettings", &network_settings, NULL },
	{ NULL, NULL, NULL },
};
const struct template_shape docker_container = { .kind = TEMPLATE_STRUCT,
						 .type = "container.InspectResponse",
						 .fields = container_fields };

static const struct template_field root_fs_fields[] = {
	{ "Type", &template_string, NULL },
	{ "Layers", &template_strings, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape root_fs = { .kind = TEMPLATE_STRUCT,
					       .type = "image.RootFS",
					       .fields = root_fs_fields };

static const struct template_field image_metadata_fields[] = {
	{ "LastTagTime", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape image_metadata = { .kind = TEMPLATE_STRUCT,
						      .type = "image.Metadata",
						      .fields = image_metadata_fields };

static const struct template_field image_fields[] = {
	{ "ID", &template_string, "Id" },
	{ "RepoTags", &template_strings, NULL },
	{ "RepoDigests", &template_strings, NULL },
	{ "Parent", &template_string, NULL },
	{ "Comment", &template_string, NULL },
	{ "Created", &template_string, NULL },
	{ "Container", &template_string, NULL },
	{ "ContainerConfig", &config, NULL },
	{ "DockerVersion", &template_string, NULL },
	{ "Author", &template_string, NULL },
	{ "Config", &config, NULL },
	{ "Architecture", &template_string, NULL },
	{ "Variant", &template_string, NULL },
	{ "Os", &template_string, NULL },
	{ "OsVersion", &template_string, NULL },
	{ "Size", &template_number, NULL },
	{ "VirtualSize", &template_number, NULL },
	{ "GraphDriver", &graph_driver, NULL },
	{ "RootFS", &root_fs, NULL },
	{ "Metadata", &image_metadata, NULL },
	{ NULL, NULL, NULL },
};
const struct template_shape docker_image = { .kind = TEMPLATE_STRUCT,
					     .type = "image.InspectResponse",
					     .fields = image_fields };

static const struct template_field volume_fields[] = {
	{ "CreatedAt", &template_string, NULL },  { "Driver", &template_string, NULL },
	{ "Labels", &template_string_map, NULL }, { "Mountpoint", &template_string, NULL },
	{ "Name", &template_string, NULL },	  { "Options", &template_string_map, NULL },
	{ "Scope", &template_string, NULL },	  { "Status", &template_open, NULL },
	{ "UsageData", &template_open, NULL },	  { NULL, NULL, NULL },
};
const struct template_shape docker_volume = { .kind = TEMPLATE_STRUCT,
					      .whole = true,
					      .type = "volume.Volume",
					      .fields = volume_fields };

static const struct template_field ipam_config_fields[] = {
	{ "Subnet", &template_string, NULL },
	{ "IPRange", &template_string, NULL },
	{ "Gateway", &template_string, NULL },
	{ "AuxAddress", &template_string_map, "AuxiliaryAddresses" },
	{ NULL, NULL, NULL },
};
static const struct template_shape ipam_config = { .kind = TEMPLATE_STRUCT,
						   .type = "network.IPAMConfig",
						   .fields = ipam_config_fields };

static const struct template_shape ipam_configs = { .kind = TEMPLATE_LIST,
						    .type = "[]network.IPAMConfig",
						    .element = &ipam_config };
static const struct template_field network_ipam_fields[] = {
	{ "Driver", &template_string, NULL },
	{ "Options", &template_string_map, NULL },
	{ "Config", &ipam_configs, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape network_ipam = { .kind = TEMPLATE_STRUCT,
						    .type = "network.IPAM",
						    .fields = network_ipam_fields };

static const struct template_field network_member_fields[] = {
	{ "Name", &template_string, NULL },	   { "EndpointID", &template_string, NULL },
	{ "MacAddress", &template_string, NULL },  { "IPv4Address", &template_string, NULL },
	{ "IPv6Address", &template_string, NULL }, { NULL, NULL, NULL },
};
static const struct template_shape network_member = { .kind = TEMPLATE_STRUCT,
						      .type = "network.EndpointResource",
						      .fields = network_member_fields };

static const struct template_shape network_members = { .kind = TEMPLATE_MAP,
						       .type = "map[string]network.EndpointResource",
						       .element = &network_member };
static const struct template_field network_from_fields[] = {
	{ "Network", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape network_from = { .kind = TEMPLATE_STRUCT,
						    .type = "network.ConfigReference",
						    .fields = network_from_fields };

static const struct template_field network_fields[] = {
	{ "Name", &template_string, NULL },
	{ "ID", &template_string, "Id" },
	{ "Created", &template_string, NULL },
	{ "Scope", &template_string, NULL },
	{ "Driver", &template_string, NULL },
	{ "EnableIPv4", &template_bool, NULL },
	{ "EnableIPv6", &template_bool, NULL },
	{ "IPAM", &network_ipam, NULL },
	{ "Internal", &template_bool, NULL },
	{ "Attachable", &template_bool, NULL },
	{ "Ingress", &template_bool, NULL },
	{ "ConfigFrom", &network_from, NULL },
	{ "ConfigOnly", &template_bool, NULL },
	{ "Containers", &network_members, NULL },
	{ "Options", &template_string_map, NULL },
	{ "Labels", &template_string_map, NULL },
	{ NULL, NULL, NULL },
};
const struct template_shape docker_network = { .kind = TEMPLATE_STRUCT,
					       .type = "network.Inspect",
					       .fields = network_fields };

/* A map of values, where a name that is not there is no error: {{.Runtimes.nvidia}} is what tools ask. */
static const struct template_shape runtimes = { .kind = TEMPLATE_MAP,
						.type = "map[string]system.RuntimeWithStatus",
						.element = &template_any };
static const struct template_field info_fields[] = {
	{ "ID", &template_any, NULL },
	{ "Containers", &template_any, NULL },
	{ "ContainersRunning", &template_any, NULL },
	{ "ContainersPaused", &template_any, NULL },
	{ "ContainersStopped", &template_any, NULL },
	{ "Images", &template_any, NULL },
	{ "Driver", &template_any, NULL },
	{ "Plugins", &template_any, NULL },
	{ "LoggingDriver", &template_any, NULL },
	{ "CgroupDriver", &template_any, NULL },
	{ "CgroupVersion", &template_any, NULL },
	{ "KernelVersion", &template_any, NULL },
	{ "OperatingSystem", &template_any, NULL },
	{ "OSType", &template_any, NULL },
	{ "Architecture", &template_any, NULL },
	{ "IndexServerAddress", &template_any, NULL },
	{ "NCPU", &template_any, NULL },
	{ "MemTotal", &template_any, NULL },
	{ "DockerRootDir", &template_any, NULL },
	{ "Name", &template_any, NULL },
	{ "ServerVersion", &template_any, NULL },
	{ "Runtimes", &runtimes, NULL },
	{ "DefaultRuntime", &template_any, NULL },
	{ "Swarm", &template_any, NULL },
	{ "LiveRestoreEnabled", &template_any, NULL },
	{ "InitBinary", &template_any, NULL },
	{ "SecurityOptions", &template_any, NULL },
	{ "Warnings", &template_any, NULL },
	{ "KillGuard", &template_any, NULL },
	{ "RunRoot", &template_any, NULL },
	{ "Settings", &template_any, NULL },
	{ NULL, NULL, NULL },
};
const struct template_shape docker_info = { .kind = TEMPLATE_STRUCT,
					    .type = "system.dockerInfo",
					    .fields = info_fields };

static const struct template_field actor_fields[] = {
	{ "ID", &template_string, NULL },
	{ "Attributes", &template_string_map, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape actor = { .kind = TEMPLATE_STRUCT,
					     .type = "events.Actor",
					     .fields = actor_fields };
static const struct template_field event_fields[] = {
	{ "Status", &template_string, "status" },     { "ID", &template_string, "id" },
	{ "From", &template_string, "from" },	      { "Type", &template_string, NULL },
	{ "Action", &template_string, NULL },	      { "Actor", &actor, NULL },
	{ "Scope", &template_string, "scope" },	      { "Time", &template_number, "time" },
	{ "TimeNano", &template_number, "timeNano" }, { NULL, NULL, NULL },
};
const struct template_shape docker_event = { .kind = TEMPLATE_STRUCT,
					     .type = "events.Message",
					     .fields = event_fields };

static const struct template_field side_fields[] = {
	{ "Version", &template_string, NULL },
	{ "APIVersion", &template_string, "ApiVersion" },
	{ "Os", &template_string, NULL },
	{ "Arch", &template_string, NULL },
	{ "KernelVersion", &template_string, NULL },
	{ NULL, NULL, NULL },
};
static const struct template_shape side = { .kind = TEMPLATE_STRUCT,
					    .type = "types.Version",
					    .fields = side_fields };
static const struct template_field version_fields[] = {
	{ "Client", &side, NULL },
	{ "Server", &side, NULL },
	{ NULL, NULL, NULL },
};
const struct template_shape docker_version = { .kind = TEMPLATE_STRUCT,
					       .type = "system.versionInfo",
					       .fields = version_fields };
