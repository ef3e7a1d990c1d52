-- For slurmctld's plugin job_submit/lua: jobs of the partitions named here run in a guest each, as their users submit
-- them. The file belongs beside slurm.conf. A site that has a job_submit.lua of its own takes over the two functions at
-- the end, or calls them.

local contained = { vm = true }
-- As it is installed on the nodes.
local remoteshell = "/usr/local/libexec/vmbatch/remoteshell"

local unset = 0xfffffffe -- a number that the user did not give

local function default_partition(part_list)
    for name, partition in pairs(part_list) do
        if partition.flag_default == 1 then return name end
    end
end

-- "all", "none" or "some" of a list such as "vm,long".
local function how_many_contained(partitions)
    local yes, no = 0, 0
    for name in string.gmatch(partitions or "", "[^,]+") do
        if contained[name] then yes = yes + 1 else no = no + 1 end
    end
    if yes == 0 then return "none" end
    return no == 0 and "all" or "some"
end

local function refuse(why)
    slurm.log_user("%s", "vmbatch: " .. why)
    return slurm.ERROR
end

-- Of a job without a script the first step is known: only remoteshell itself may be started on the node.
local function is_remoteshell(job_desc)
    return job_desc.argv ~= nil and job_desc.argv[0] == remoteshell
end

function slurm_job_submit(job_desc, part_list, submit_uid)
    local partitions = job_desc.partition or default_partition(part_list)
    local which = how_many_contained(partitions)
    if which == "none" then return slurm.SUCCESS end
    if which == "some" then
        return refuse("'" .. partitions .. "' names partitions with and without guests; choose one kind")
    end
    if job_desc.min_nodes ~= unset and job_desc.min_nodes > 1 then
        return refuse("a job here has one guest, on one node: leave out --nodes")
    end
    job_desc.min_nodes, job_desc.max_nodes = 1, 1

    -- --export=NONE and --get-user-env have slurmd read the user's profile with a login shell on the node itself.
    if job_desc.environment ~= nil and job_desc.environment["SLURM_GET_USER_ENV"] ~= nil then
        job_desc.environment["SLURM_GET_USER_ENV"] = "0"
    end

    if job_desc.script == nil then
        if is_remoteshell(job_desc) then return slurm.SUCCESS end
        return refuse("jobs here run in a guest: use sbatch, or srun --pty " .. remoteshell)
    end
    -- The node's kernel reads the first line; the script's own becomes the first in the guest.
    local line = "#!" .. remoteshell .. "\n"
    if string.sub(job_desc.script, 1, #line) ~= line then
        job_desc.script = line .. job_desc.script
    end
    return slurm.SUCCESS
end

-- A waiting job that changes partitions would run its script on the node itself, or look for a guest where none is.
function slurm_job_modify(job_desc, job_rec, part_list, modify_uid)
    local before, after = job_rec.partition, job_desc.partition or job_rec.partition
    if how_many_contained(before) ~= how_many_contained(after) then
        return refuse("a job cannot move between partitions with and without guests: submit it again")
    end
    if how_many_contained(after) == "all" and job_desc.min_nodes ~= unset and job_desc.min_nodes > 1 then
        return refuse("a job here has one guest, on one node")
    end
    return slurm.SUCCESS
end
